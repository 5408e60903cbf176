"""The page in a real Chromium: every control, a phone's width, the dark, the keyboard, and nobody else asked."""

import json
import statistics
import threading
from contextlib import suppress

import pytest
import torch

from genlatent.explorer.app import Explorer
from genlatent.explorer.worker import Busy
from tests.explorer import subjects
from tests.explorer.browser import Browser, installed
from tests.explorer.conftest import Served, explorer_of, wait

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(installed() is None, reason="there is no Chromium on this system: apt-get install chromium"),
]

HISTORY = tuple({"epoch": i + 1, "step": 9 * i, "loss": 9.0 / (i + 1), "valid/loss": 9.5 / (i + 1)} for i in range(5))
REPORT = "<!doctype html><title>r</title><style>p { color: red }</style><p id='report'>a report</p>"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium):
    """A light window of a desk; afterwards nothing was said on the console, and nobody else was asked."""
    chromium.size(1200, 900)
    chromium.dark(False, calm=True)
    yield chromium
    chromium.settle(0.1)
    assert chromium.errors == []
    asked = [url for url in chromium.requests if not url.startswith(("http://127.0.0.1:", "data:", "about:"))]
    assert asked == []
    chromium.call("Page.navigate", url="about:blank")


MAKE = {
    "conditional-vae": lambda: explorer_of("conditional-vae", history=HISTORY, report=REPORT),
    "semi-supervised-vae": lambda: explorer_of("semi-supervised-vae"),
    "rbm": lambda: explorer_of("rbm", history=HISTORY),
    "autoencoder": lambda: explorer_of("autoencoder"),
    "people": lambda: Explorer(subjects.people()),
    "moons": lambda: Explorer(subjects.moons()),
    "collapsed": lambda: Explorer(subjects.collapsed()),
    "dials": lambda: Explorer(subjects.dials()),
}


@pytest.fixture(scope="module")
def served():
    """Servers by the name of what they play with; each is started once."""
    made = {}

    def of(name):
        if name not in made:
            torch.manual_seed(1)
            made[name] = Served(MAKE[name]()).__enter__()
        return made[name]

    yield of
    for server in made.values():
        server.__exit__()


def opened(browser, server, path=""):
    browser.open("about:blank")
    browser.wait("location.href === 'about:blank'")
    browser.open(server.url + path)
    browser.wait(
        f"document.documentElement.dataset.ready === 'true' && location.href === {json.dumps(server.url + path)}"
    )


def changes(browser, selector, act):
    """Do something, and wait until what an element shows is another."""
    before = browser.act("picture", selector)
    act()
    browser.wait(f"acts.picture({json.dumps(selector)}) !== {json.dumps(before)}")


def press(browser, part, text):
    """The button of that name in a part of the page."""
    assert browser.act("find", part, text) == 1, text
    browser.click("[data-here]")


def focus(browser, selector):
    assert browser.act("focus", selector)


def turn(browser, part):
    """Move every slider of a part by the keyboard, choose another entry of every list, tick every box, press chips."""
    for control in browser.act("movable", part):
        focus(browser, f"#{control}")
        before = browser.act("value", control)
        for key in ("ArrowRight", "ArrowDown", "ArrowUp"):
            browser.key(key)
            if browser.act("value", control) != before:
                break
        else:
            raise AssertionError(f"{control} does not move")
    browser.act("tick", part)


def test_every_control_of_a_conditional_model(browser, served):
    opened(browser, served("conditional-vae"))
    decoded = "#codes .decoded canvas"
    changes(browser, decoded, lambda: browser.drag("#codes .plane canvas", (0.2, 0.8), (0.9, 0.1)))
    changes(browser, decoded, lambda: (focus(browser, "#codes .plane canvas"), browser.key("ArrowLeft", 5)))
    changes(browser, decoded, lambda: browser.click("#codes .chips label:nth-child(4) input"))
    for name in ("Anywhere", "Middle"):
        changes(browser, decoded, lambda name=name: press(browser, "codes", name))
    changes(browser, decoded, lambda: browser.click("#codes .tiles button:nth-child(7)"))
    assert browser.run("document.querySelector('#codes .chips label:nth-child(7) input').checked")
    turn(browser, "codes")
    changes(browser, decoded, lambda: press(browser, "codes", "Walk"))
    press(browser, "codes", "Walk")
    changes(browser, "#draw .outputs canvas", lambda: press(browser, "codes", "Put it on the canvas"))

    canvas, code = "#draw canvas.square", "#draw .bars"
    changes(browser, canvas, lambda: press(browser, "draw", "Clear"))
    changes(browser, code, lambda: browser.drag(canvas, (0.3, 0.2), (0.6, 0.9)))
    press(browser, "draw", "Erase")
    completed = "#draw .outputs figure:nth-child(2) canvas"
    changes(browser, completed, lambda: browser.drag(canvas, (0.1, 0.5), (0.9, 0.5)))
    changes(browser, canvas, lambda: (press(browser, "draw", "Paper"), browser.click(canvas, 0.5, 0.5)))
    changes(browser, canvas, lambda: (press(browser, "draw", "Ink"), browser.click(canvas, 0.05, 0.05)))
    changes(browser, canvas, lambda: press(browser, "draw", "Example"))
    changes(browser, canvas, lambda: press(browser, "draw", "Erase half"))
    browser.wait("[...document.querySelectorAll('#draw figcaption')].some((c) => c.textContent === 'completed')")
    changes(browser, "#draw .outputs figure:nth-child(3) canvas", lambda: press(browser, "draw", "Other noise"))
    turn(browser, "draw")
    changes(browser, decoded, lambda: press(browser, "draw", "Show this code among the others"))

    changes(browser, "#samples .tiles canvas", lambda: press(browser, "samples", "Draw"))
    turn(browser, "samples")
    browser.wait("document.querySelectorAll('#samples .tiles button').length === 64")
    changes(browser, canvas, lambda: browser.click("#samples .tiles button:nth-child(2)"))
    assert browser.act("untouched") == []


def test_every_control_of_a_machine(browser, served):
    opened(browser, served("rbm"))
    chain = "#chains .tiles canvas"
    changes(browser, chain, lambda: press(browser, "chains", "Step"))
    changes(browser, "#chains .figures div:nth-child(3) dd", lambda: press(browser, "chains", "Run"))
    browser.wait("Number(document.querySelector('#chains .figures div:nth-child(3) dd').textContent) > 100")
    browser.wait("!isNaN(parseFloat(document.querySelector('#chains .figures dd').textContent))")
    assert browser.run("document.querySelector('#chains .chart').getAttribute('aria-label')").startswith(
        "Energy of 16 chains"
    )
    press(browser, "chains", "Pause")
    hold = "#chains canvas.square"
    changes(browser, hold, lambda: browser.drag(hold, (0.1, 0.1), (0.9, 0.1)))
    browser.wait("acts.held()")
    for _ in range(3):
        press(browser, "chains", "Step")
        browser.settle(0.3)
    assert browser.act("held")
    changes(browser, hold, lambda: (press(browser, "chains", "Hold paper"), browser.click(hold, 0.5, 0.1)))
    changes(browser, hold, lambda: (press(browser, "chains", "Set free"), browser.click(hold, 0.1, 0.1)))
    press(browser, "chains", "Hold ink")
    changes(browser, hold, lambda: press(browser, "chains", "Set all free"))
    browser.settle(0.5)  # nothing is asked meanwhile: whatever the next press wishes is sent as it is
    changes(browser, hold, lambda: press(browser, "chains", "Hold half of chain 1"))
    press(browser, "chains", "Set all free")
    turn(browser, "chains")
    press(browser, "chains", "Start anew")
    browser.run("document.querySelector('#chains summary').click()")
    for part in ("draw", "samples", "codes"):
        turn(browser, part)
    for part, names in (
        (
            "draw",
            (
                "Clear",
                "Example",
                "Erase half",
                "Paper",
                "Erase",
                "Ink",
                "Other noise",
                "Show this code among the others",
            ),
        ),
        ("samples", ("Draw",)),
        ("codes", ("Walk", "Walk", "Anywhere", "Middle", "Put it on the canvas")),
    ):
        for name in names:
            press(browser, part, name)
    changes(browser, "#draw .bars", lambda: browser.drag("#draw canvas.square", (0.2, 0.2), (0.8, 0.7)))
    browser.click("#codes .plane canvas", 0.3, 0.3)
    changes(browser, "#draw canvas.square", lambda: browser.click("#samples .tiles button"))
    assert browser.act("untouched") == []


def test_a_table_is_filled_in(browser, served):
    opened(browser, served("people"))
    completed = "#draw .outputs figure:nth-child(2)"
    focus(browser, "#draw .form input")
    changes(
        browser, completed, lambda: (browser.run("document.activeElement.select()"), browser.key("3"), browser.key("1"))
    )
    changes(browser, completed, lambda: press(browser, "draw", "Erase half"))
    changes(browser, completed, lambda: press(browser, "draw", "Example"))
    changes(browser, "#draw .outputs", lambda: press(browser, "draw", "Clear"))
    changes(browser, "#samples table", lambda: press(browser, "samples", "Draw"))
    changes(browser, "#codes .decoded", lambda: browser.click("#codes .plane canvas", 0.9, 0.9))
    for part in ("codes", "draw", "samples"):
        turn(browser, part)
    press(browser, "codes", "Edit this row")
    assert not browser.act("sideways")


def test_numbers_that_a_model_is_told_are_sliders(browser, served):
    """Each is named, reaches over what the data hold, and the decoded image follows it; so do draws and drawings."""
    opened(browser, served("dials"))
    decoded, names = "#codes .decoded canvas", ("light", "side")
    labels = "[...document.querySelectorAll('#codes .sliders label')].map((one) => one.textContent)"
    assert set(names) <= set(browser.run(labels))
    for name in names:
        focus(browser, slider_of(browser, "codes", name))
        changes(browser, decoded, lambda: browser.key("ArrowRight", 30))
    low, high = (float(browser.run(f"document.activeElement.{end}")) for end in ("min", "max"))
    assert -2 <= low < -1 < 1 < high <= 2
    for part, shown in (("samples", "#samples .tiles canvas"), ("draw", "#draw .outputs canvas")):
        focus(browser, slider_of(browser, part, "light"))
        changes(browser, shown, lambda: browser.key("ArrowRight", 40))
    changes(browser, decoded, lambda: press(browser, "draw", "Show this code among the others"))
    for part in ("codes", "draw", "samples"):
        turn(browser, part)


def slider_of(browser, part, name):
    """The selector of the slider of that name in a part of the page."""
    code = f"[...document.querySelectorAll('#{part} .slider')].find((one) => one.textContent.startsWith({name!r}))"
    return "#" + browser.run(f"{code}.querySelector('input').id")


def test_a_code_that_is_not_used_says_so(browser, served):
    opened(browser, served("collapsed"))
    said = browser.run("[...document.querySelectorAll('#codes .slider')].map((one) => one.textContent)")
    assert ["not used" in text for text in said] == [False, True, True]
    assert "2 of the 3 are not used" in browser.run("document.querySelector('#codes').textContent")


def test_points_of_a_plane_move(browser, served):
    opened(browser, served("moons"))
    cloud = "#chains canvas.square"
    changes(browser, cloud, lambda: press(browser, "chains", "Step"))
    changes(browser, "#samples canvas", lambda: press(browser, "samples", "Draw"))


def test_the_classes_that_a_model_sees(browser, served):
    opened(browser, served("semi-supervised-vae"))
    browser.wait("document.querySelectorAll('#draw .classes div').length === 10")
    changes(browser, "#draw .classes", lambda: press(browser, "draw", "Clear"))


@pytest.mark.parametrize("name", ["conditional-vae", "rbm"])
def test_the_first_image_is_there_within_a_second(browser, served, name):
    """In the median of a few visits."""
    times = []
    for _ in range(5):
        opened(browser, served(name))
        times.append(browser.run("window.firstImage"))
    assert statistics.median(times) < 1000, times


@pytest.mark.parametrize("name", list(MAKE))
@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_never_scrolls_sideways(browser, served, name, dark):
    browser.size(390, 844, scale=2, mobile=True)
    browser.dark(dark, calm=True)
    opened(browser, served(name))
    assert browser.run("document.documentElement.clientWidth") == 390
    assert not browser.act("sideways")
    assert browser.act("low") == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("path", ["", "loss.html"])
def test_words_can_be_read_in_the_light_and_in_the_dark(browser, served, dark, path):
    browser.dark(dark, calm=True)
    opened(browser, served("conditional-vae"), path)
    worst, paper = browser.act("contrast")
    assert worst[0] >= 4.5, worst
    assert paper < 0.05 if dark else paper > 0.9


def test_images_follow_when_it_gets_dark(browser, served):
    opened(browser, served("rbm"))
    browser.wait("Boolean(document.querySelector('#chains .tiles canvas'))")
    changes(browser, "#chains .tiles canvas", lambda: browser.dark(True, calm=True))


def test_everything_is_reached_by_the_keyboard(browser, served):
    """Tab visits every control once before it comes round, each with a name and a visible focus."""
    opened(browser, served("conditional-vae"))
    wanted, seen, names = browser.act("stops"), set(), []
    browser.run("document.body.focus()")
    for _ in range(wanted + 80):
        browser.key("Tab")
        found = browser.act("here")
        if found is None or found[0] in seen:
            break
        seen.add(found[0])
        if not found[3]:
            names.append(found[1])
            assert found[2], found[1]
    assert all(names)
    assert len(names) >= wanted


def test_a_picture_is_drawn_by_the_keyboard(browser, served):
    opened(browser, served("autoencoder"))
    press(browser, "draw", "Clear")
    focus(browser, "#draw canvas.square")
    changes(
        browser,
        "#draw .bars",
        lambda: (
            browser.key("1"),
            browser.key("ArrowUp", 2),
            browser.key(" "),
            browser.key("ArrowRight"),
            browser.key("Enter"),
        ),
    )
    changes(browser, "#draw canvas.square", lambda: (browser.key("2"), browser.key(" ")))


def test_loss_and_report_pages(browser, served):
    server = served("conditional-vae")
    opened(browser, server, "loss.html")
    assert browser.run("document.querySelectorAll('.curves canvas').length") == 1
    browser.click("summary")
    assert "1.8" in browser.run("document.querySelector('table').textContent")
    for path in ("loss.html", ""):
        opened(browser, server, path)
        links = browser.run("[...document.querySelectorAll('nav a')].map((a) => a.getAttribute('href'))")
        assert "/report/" in links
    browser.open(server.url + "report/")
    browser.wait("Boolean(document.querySelector('#report'))")
    assert browser.run("getComputedStyle(document.querySelector('#report')).color") == "rgb(255, 0, 0)"


def full(worker):
    """Hold a worker up and fill its queue; the gate that lets it go on."""
    gate, begun = threading.Event(), threading.Event()

    def hold():
        begun.set()
        gate.wait(30)

    worker.submit(hold)
    begun.wait(20)
    for _ in range(worker.waiting):
        with suppress(Busy):
            worker.submit(int)
    return gate


def test_a_busy_server_is_named_and_waited_for(browser, served):
    server = served("autoencoder")
    opened(browser, server)
    browser.rest()  # of two wishes the second waits for the answer to the first
    gate = full(server.explorer.worker)
    press(browser, "draw", "Clear")
    browser.wait("document.getElementById('status').textContent.startsWith('busy')")
    gate.set()
    browser.wait("document.getElementById('status').textContent === ''")
    assert all("429" in error["text"] for error in browser.errors)
    browser.errors.clear()


def test_chains_end_with_the_page(browser, served):
    server = served("rbm")
    opened(browser, server)
    browser.wait("Boolean(document.querySelector('#chains .tiles canvas'))")
    assert len(server.explorer.sessions) >= 1
    before = len(server.explorer.sessions)
    browser.call("Page.navigate", url="about:blank")
    wait(lambda: len(server.explorer.sessions) < before)
