"""Questions that no page would ask: the right ones with something wrong in them, as bytes."""

import json
import random

POISON = (
    *("null", "true", "-1", "0", "-0.0", "3.5", "1e6", "-1e6", "1e308", "1e-320", "1e999", "NaN", "-Infinity"),
    *("9" * 30, "9" * 390, "9" * 5000, "2147483648", '""', '"gibbs"', '"' + "x" * 3000 + '"', '"\\ud800"', '"\\u0000"'),
    *('"/etc/passwd"', "[]", "{}", "[[]]", "[null]", "[1, 2, 3]", "[0]", "[[[[[[]]]]]]", '{"a": {"b": []}}'),
    *(
        "[" * 60 + "]" * 60,
        "[" * 3000,
        "[" + "0," * 200 + "0]",
        "[" + "null," * 63 + "null]",
        "[" + "1e6," * 63 + "1e6]",
    ),
)
KEYS = ("seed", "number", "place", "origin", "row", "given", "method", "steps", "condition", "__proto__", "", "\ud800")


def questions(about, session):
    """A right question for every address that takes one."""
    axes = len((about["latent"] or {"axes": []})["axes"])
    classes, values = (about["condition"][kind] for kind in ("classes", "values"))
    condition = [0.0] * (len(classes) or len(values)) or None
    size = len(about["view"].get("columns", ())) or about["view"]["width"] * about["view"]["height"]
    place = {"place": [0.1] * axes, "condition": condition}
    row = [None if i % 3 else 1.0 for i in range(size)]
    chains = {"number": 2, "condition": condition, "given": row[: size // 2] + [None] * (size - size // 2)}
    means = bool((about["sample"] or {}).get("means"))
    moved = {"steps": 2, "condition": condition, "temperature": 1.5}
    return {
        "/api/sample": {"number": 2, "seed": 3, "steps": 2, "temperature": 1.0, "condition": condition, "means": means},
        "/api/decode": place,
        "/api/classes": place,
        "/api/plane": place | {"first": 0, "second": 1, "size": 2},
        "/api/row": {"row": row, "noise": 0.2, "condition": condition},
        "/api/chains": chains,
        f"/api/chains/{session}": moved,
    }


def spoilt(body, draw):
    """The bytes of a question with one to three things changed; `draw` chooses."""
    keep, values = body, {key: json.dumps(value) for key, value in body.items()}
    for _ in range(draw.randint(1, 3)):
        key = draw.choice([*values, *KEYS]) if draw.random() < 0.3 or not values else draw.choice(list(values))
        way = draw.random()
        if way < 0.7:
            values[key] = draw.choice(POISON)
        elif way < 0.85:
            values.pop(key, None)
        elif isinstance(keep.get(key), list) and keep[key]:
            cells = [json.dumps(value) for value in keep[key]]
            cells[draw.randrange(len(cells))] = draw.choice(POISON)
            values[key] = "[" + ",".join(cells) + "]"
    pairs = [f"{json.dumps(key)}: {value}" for key, value in values.items()]
    if pairs and draw.random() < 0.1:
        pairs.append(draw.choice(pairs))
    text = "{" + ", ".join(pairs) + "}"
    return torn(text.encode(), draw) if draw.random() < 0.15 else text.encode()


def torn(text, draw):
    """Bytes with a piece cut out, turned into others, or put in."""
    start, length = draw.randrange(len(text) + 1), draw.randint(0, 20)
    middle = draw.choice((b"", bytes(draw.randrange(256) for _ in range(length)), text[start : start + length] * 3))
    return text[:start] + middle + text[start + length :]


def chooser(seed):
    """What draws."""
    return random.Random(seed)
