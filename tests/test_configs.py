from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.configs import read_config, resolved, variables_in, with_settings
from forkctl.errors import UsageError


def test_settings_are_json_or_plain_words_and_make_their_way() -> None:
    before = {"train": {"seed": 1}}
    after = with_settings(before, ["train.seed=3", "train.note=two words", "a.b.c=[1, null]"])
    assert after == {"train": {"seed": 3, "note": "two words"}, "a": {"b": {"c": [1, None]}}}
    assert before == {"train": {"seed": 1}}


@pytest.mark.parametrize("setting", ["train.seed", "=3", "train.seed.deeper=1"])
def test_a_setting_that_makes_no_sense_is_refused(setting: str) -> None:
    with pytest.raises(UsageError):
        with_settings({"train": {"seed": 1}}, [setting])


def test_variables_are_found_and_filled_at_any_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"a": ["${MY_DIR}/x", {"b": "${TWO_PATH}-${MY_DIR}"}], "n": 3, "plain": "$ONE"}
    assert variables_in(config) == {"MY_DIR", "TWO_PATH"}
    monkeypatch.setenv("MY_DIR", "1")
    monkeypatch.setenv("TWO_PATH", "from the environment")
    filled = resolved(config, {"TWO_PATH": "given"}, "here")
    assert filled == {"a": ["1/x", {"b": "given-1"}], "n": 3, "plain": "$ONE"}


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "PATHS_KEY"])
def test_a_config_gets_at_places_only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hidden")
    with pytest.raises(UsageError, match=name) as caught:
        resolved({"experiment": {"name": f"${{{name}}}"}}, {}, "c.json")
    assert "hidden" not in str(caught.value)


def test_every_missing_variable_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBERO_DATA", "")  # set, but to nothing
    monkeypatch.delenv("DROID_CKPT", raising=False)
    with pytest.raises(UsageError) as caught:
        resolved({"a": "${LIBERO_DATA}", "b": "${DROID_CKPT}"}, {}, "my.json")
    assert "${DROID_CKPT}, ${LIBERO_DATA}" in caught.value.message
    assert "--data PATH" in str(caught.value.hint)
    assert "--ckpt PATH" in str(caught.value.hint)


LAUGHS = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20))]
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAUGHS, "too many values"),
        ("a: &a {b: *a}", "holds itself"),
        ("a: {b: 2024-01-01}", "`a.b` is neither text nor a number, but date"),
        ("[" * 5000, "nested too deep"),
        (b"\xff\xfe", "not text in UTF-8"),
    ],
)
def test_yaml_that_is_more_than_a_config_is_refused(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=told):
        read_config(path)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_file_that_is_no_config_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(UsageError, match=r"c\.json"):
        read_config(tmp_path / "c.json")
