"""Curves of probes, of compressed codes and of starts: what is drawn is what was given."""

from types import SimpleNamespace

import numpy as np
import pytest

from genlatent.errors import DataError
from genlatent.evaluation.compression import CompressionPoint
from genlatent.evaluation.probes import Efficiency
from genlatent.evaluation.record import Record
from genlatent.plots.probes import code_compression, probe_curves
from genlatent.plots.starts import start_curves
from genlatent.plots.writing import new_axes, save


def point(labels, value, probe="linear probe"):
    return Efficiency(labels, probe, Record("accuracy", value, "probe", interval=(value - 0.1, value + 0.05)))


def code(bits, entropy, error, data="digits"):
    record = Record("distortion", error, "quantised", interval=(error - 1, error + 1), data=data)
    return CompressionPoint(bits, 2.0 * bits, entropy, record)


def test_accuracies_stand_at_their_counts(tmp_path):
    axes = new_axes()
    points = [point(10, 0.5), point(10, 0.1, "nearest neighbours"), point(100, 0.8)]
    assert probe_curves({"VAE": points}, axes=axes) is axes
    line = axes.containers[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(orig=False), [10, 100])
    np.testing.assert_allclose(line.get_ydata(orig=False), [0.5, 0.8])
    bars = axes.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[0.4, 0.55], [0.7, 0.85]])
    assert save(axes, tmp_path / "x.png").stat().st_size > 500


def test_distortion_stands_over_the_entropy(tmp_path):
    axes = code_compression({"a": [code(1, 1.5, 9.0), code(2, 3.0, 4.0)], "b": [code(1, 2.0, 8.0)]})
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1.5, 9.0], [3.0, 4.0]])
    assert [text.get_text() for text in axes.texts] == ["1", "2"]
    assert save(axes, tmp_path / "x.png").stat().st_size > 500


def test_each_start_is_a_line_and_each_kind_a_name():
    curves = {("random", 0): [3.0, 2.9], ("pre-trained", 0): [2.0, 1.0], ("random", 1): [3.1, 2.8]}
    axes = start_curves([SimpleNamespace(start=kind, seed=seed, curve=c) for (kind, seed), c in curves.items()])
    assert len(axes.lines) == 3
    np.testing.assert_allclose(axes.lines[2].get_xydata(), [[1, 2.0], [2, 1.0]])
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["random start, 2 seeds", "pre-trained start, 1 seed"]


def test_what_cannot_be_drawn():
    with pytest.raises(DataError, match="deep_autoencoders"):
        start_curves([])
    with pytest.raises(DataError, match="label_efficiency"):
        probe_curves({"VAE": [point(10, 0.5)]}, probe="nearest neighbours")
    with pytest.raises(DataError, match="compression_curve"):
        code_compression({})
    with pytest.raises(DataError, match="errors on different data are not compared: bits and grey"):
        code_compression({name: [code(1, 1.0, 2.0, name)] for name in ("grey", "bits")})


def test_counts_have_room_for_their_numbers():
    axes = probe_curves({"VAE": [point(labels, 0.5) for labels in (10, 100, 1000, 1297)]})
    assert [text.get_text() for text in axes.get_xticklabels()] == ["10", "100", "1297"]
