"""Seeded series and their documented shapes; series from a user's table."""

import numpy as np
import pandas as pd
import pytest

from networks import InputError
from networks.profile_reader import read_profiles
from networks.profiles import (
    LoadShape,
    draw_fuel_prices,
    draw_loads,
    draw_pv,
    draw_weather,
    heating_load,
    import_price,
    slot_hours,
)  # fmt: skip


def generator(seed=0):
    return np.random.default_rng(seed)


def test_one_seed_gives_the_same_series_and_another_does_not():
    for draw in (draw_loads, draw_pv):
        first, again, other = (draw(3, generator(s), days=2) for s in (1, 1, 2))
        assert first.shape == (3, 192)
        assert first.tobytes() == again.tobytes()
        assert not np.array_equal(first, other)
        assert (first >= 0).all()


def test_load_has_a_day_base_and_two_bumps():
    mean = draw_loads(400, generator()).mean(axis=0)
    hour = slot_hours()
    noon, night = mean[(hour > 11) & (hour < 14)].mean(), mean[hour < 5].mean()
    assert noon == pytest.approx(0.7e-3, rel=0.05)
    assert night < 0.1 * noon
    assert mean[(hour > 7) & (hour < 8)].mean() > 1.3 * noon
    assert 17 < hour[mean.argmax()] < 19
    quiet = draw_loads(2, generator(), shape=LoadShape(noise=0.0, jitter=0.0), days=2).reshape(2, 2, 96)
    assert quiet[:, 0] == pytest.approx(quiet[:, 1])


def test_sun_rises_peaks_and_sets():
    sun = draw_pv(300, generator(), noise=0.0)
    hour = slot_hours()
    assert (sun[:, (hour < 5) | (hour > 20.5)] == 0).all()
    assert (sun.max(axis=1) <= 12 * 345e-6).all()
    assert (sun.max(axis=1) >= 8 * 245e-6 * 0.99).all()
    top = hour[sun.argmax(axis=1)]
    assert top.min() > 9.5
    assert top.max() < 18.5
    half = draw_pv(2, generator(), noise=0.0, clearness=np.full(96, 0.5))
    assert half == pytest.approx(0.5 * draw_pv(2, generator(), noise=0.0))
    with pytest.raises(InputError, match="order of the day"):
        draw_pv(1, generator(), peak=(4.0, 6.0))


def test_weather_and_fuel_drive_load_and_import_price():
    weather = draw_weather(generator(), days=365, first_day=1)
    assert weather.temperature.shape == weather.clearness.shape == (365 * 96,)
    daily = weather.temperature.reshape(365, 96).mean(axis=1)
    assert daily[180:210].mean() > daily[:30].mean() + 8
    assert weather.clearness.min() >= 0
    assert weather.clearness.max() <= 1
    heat = heating_load(weather.temperature)
    assert heat.reshape(365, 96)[:30].mean() > heat.reshape(365, 96)[180:210].mean()
    assert heating_load(np.array([10.0, 20.0, 30.0])) == pytest.approx([0.25e-3, 0, 0.3e-3])
    fuel = draw_fuel_prices(generator(), days=4000)
    assert fuel.mean() == pytest.approx(30, rel=0.15)
    price = import_price(np.array([30.0, 60.0]))
    assert price.shape == (192,)
    assert price[96:].mean() - price[:96].mean() == pytest.approx(price[:96].mean() - 60.0)
    assert slot_hours()[price[:96].argmax()] == pytest.approx(19, abs=0.2)


def test_series_from_a_table(tmp_path):
    frame = pd.DataFrame({"slot": [1, 0], "Ann": [2.0, 1.0], "Bob": [0.5, 0.0]})
    path = tmp_path / "load.csv"
    frame.to_csv(path, index=False)
    for source in (frame, path):
        found = read_profiles(source, unit="kW")
        assert (found.homes, found.hours) == (("Ann", "Bob"), None)
        assert found.mw == pytest.approx(np.array([[1, 2], [0, 0.5]]) * 1e-3)
    bad = [
        (frame.assign(slot=[0, 0]), "once each"),
        (frame.assign(Ann=[1, None]), "finite number"),
        (frame[["slot"]], "no column of a home"),
    ]
    for table, message in bad:
        with pytest.raises(InputError, match=message):
            read_profiles(table)
    with pytest.raises(InputError, match="unit"):
        read_profiles(frame, unit="W")
    with pytest.raises(InputError, match="there is no file"):
        read_profiles(tmp_path / "none.csv")


def test_a_negative_cell_is_named_as_the_user_wrote_it(tmp_path):
    path = tmp_path / "street.csv"
    path.write_text("slot,Cleo,Dan\n1,0.4,0.2\n0,0.3,-0.7\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_profiles(path, unit="kW")
    assert str(refused.value).startswith(f"file '{path}': table 'profiles', slot 0")
    assert "(row 1): column 'Dan' is -0.7: it is below 0; give a number ≥ 0 in kW" in str(refused.value)
