"""What a training used, read from counters as Linux has them."""

import pytest

from llm.training.energy import EnergyMeter


def zone(root, path, name, energy, end=65_532_610_987):
    """One zone of a made-up /sys/class/powercap; returns the file of its counter."""
    folder = root / path
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n", encoding="utf-8")
    (folder / "max_energy_range_uj").write_text(f"{end}\n", encoding="utf-8")
    (folder / "energy_uj").write_text(f"{energy}\n", encoding="utf-8")
    return folder / "energy_uj"


def no_gpu():
    return None


def test_packages_are_added_up_and_their_parts_are_not(tmp_path):
    """Two processors count once each; cores, memory and the whole platform would count the same joules again."""
    counters = [zone(tmp_path, f"intel-rapl:{k}", f"package-{k}", 1_000_000) for k in (0, 1)]
    others = [zone(tmp_path, "intel-rapl:0:0", "core", 5), zone(tmp_path, "intel-rapl:2", "psys", 5)]
    meter = EnergyMeter(tmp_path, no_gpu)
    assert meter.what == "CPU"
    assert meter.spent() == 0
    for file in (*counters, *others):
        file.write_text("3500000\n", encoding="utf-8")
    assert meter.spent() == pytest.approx(5.0)
    assert meter.spent() == 0


def test_a_counter_that_begins_again_is_followed(tmp_path):
    """After its greatest value comes 0: what was used is the way around, not a large negative number."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000, end=9_999_999)
    meter = EnergyMeter(tmp_path, no_gpu)
    counter.write_text("500000", encoding="utf-8")
    assert meter.spent() == pytest.approx(1.5)


@pytest.mark.parametrize("file", ["energy_uj", "max_energy_range_uj", "name"])
def test_counters_that_cannot_be_read_count_as_absent(tmp_path, file):
    """A file kept from this user, or gone, leaves nothing to tell; so does a system without the folder."""
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    (tmp_path / "intel-rapl:0" / file).unlink()
    (tmp_path / "intel-rapl:0" / file).mkdir()  # unreadable for root too, who runs tests at times
    for root in (tmp_path, tmp_path / "nowhere"):
        meter = EnergyMeter(root, no_gpu)
        assert meter.what is None and meter.spent() is None


def test_a_reading_that_fails_is_made_up_for_by_the_next(tmp_path):
    """Half a line, or a file gone for a moment, must not end the training nor lose what was used."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meter = EnergyMeter(tmp_path, no_gpu)
    counter.write_text("", encoding="utf-8")
    assert meter.spent() == 0
    counter.write_text("2000000", encoding="utf-8")
    assert meter.spent() == pytest.approx(2.0)


def test_a_graphics_card_counts_by_what_it_draws(tmp_path, monkeypatch):
    """Watts times seconds, beside the processor's joules."""
    clock = [100.0]
    monkeypatch.setattr("llm.training.energy.time.perf_counter", lambda: clock[0])
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meter = EnergyMeter(tmp_path, lambda: 250.0)
    counter.write_text("10000000", encoding="utf-8")
    clock[0] += 2
    assert meter.what == "CPU + GPU" and meter.spent() == pytest.approx(510.0)
    assert EnergyMeter(tmp_path / "nowhere", lambda: 250.0).what == "GPU"
