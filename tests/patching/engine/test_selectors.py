"""Which of several places is meant: the three silent wrong applications, and their cure."""

from __future__ import annotations

import pytest

from forkctl.patching.model import EditStatus
from tests.patching.engine_support import Engine

# 1. An older revision whose only load of this shape is the *resume* load.
ONLY_RESUME = """
    def train(config, resume):
        model = build(config)
        if resume:
            state = read(last(config))
            model.deserialize(state["model"])
"""
BOTH = """
    def train(config, resume):
        model = build(config)
        if config.ckpt_path is not None:
            state = read(config.ckpt_path)
            model.deserialize(state["model"])
        if resume:
            state = read(last(config))
            model.deserialize(state["model"])
"""
TRANSFER = r"""
    - scope: train
      match: model.deserialize($S["model"])
      inside: "if $C: $$$B"
      where: {C: '\bckpt_path\b'}
      replace: transfer(model, $S["model"])
"""


def test_the_resume_load_is_never_taken_for_the_checkpoint_load(engine: Engine) -> None:
    assert engine.code(ONLY_RESUME, TRANSFER) == "no-anchor"
    result = engine.result(BOTH, TRANSFER)
    first, _, second = result.partition("if resume:")
    assert 'transfer(model, state["model"])' in first
    assert 'model.deserialize(state["model"])' in second and "transfer" not in second


def test_without_the_constraint_two_loads_are_ambiguous(engine: Engine) -> None:
    edit = "- {scope: train, match: 'model.deserialize($S[\"model\"])', replace: $S}"
    assert engine.code(BOTH, edit) == "ambiguous"


def test_the_else_branch_is_not_inside_the_if(engine: Engine) -> None:
    before = """
        if config.ckpt_path:
            fresh()
        else:
            load(x)
    """
    edit = "- {match: load($X), inside: 'if $C: $$$B', where: {C: ckpt_path}, replace: other($X)}"
    assert engine.code(before, edit) == "no-anchor"
    in_else = edit.replace("if $C: $$$B", "if $C: $$$_\n\n          else: $$$B").replace(
        "'if $C: $$$_\n\n          else: $$$B'", '"if $C: $$$_\\nelse: $$$B"'
    )
    assert "other(x)" in engine.result(before, in_else)


def test_an_outer_if_counts_when_an_inner_one_does_not_fit(engine: Engine) -> None:
    before = """
        if ckpt_path:
            if verbose:
                load(x)
    """
    edit = "- {match: load($X), inside: 'if $C: $$$B', where: {C: ckpt_path}, replace: other($X)}"
    assert "other(x)" in engine.result(before, edit)


# 2. `self.ema` is another library's class in some revisions.
OWN_EMA = """
    class Algo:
        def __init__(self):
            self.ema = EMAModel(model=self.nets)
        def load(self, state):
            self.ema.averaged_model.load_state_dict(state)
"""
OTHER_EMA = """
    class Algo:
        def __init__(self):
            self.ema = EMAModel(parameters=self.nets.parameters())
        def load(self, state):
            self.ema.load_state_dict(state)
"""


def test_the_same_name_for_another_class_is_not_touched(engine: Engine) -> None:
    edit = """
        - scope: Algo.load
          match: self.ema.averaged_model.load_state_dict($S)
          add_kwarg: strict=False
    """
    assert "load_state_dict(state, strict=False)" in engine.result(OWN_EMA, edit)
    assert engine.code(OTHER_EMA, edit) == "no-anchor"


# 3. Two identical calls.
TWO_CALLS = """
    def f():
        a()
        step()
        b()
        step()
"""


def test_two_identical_calls_are_ambiguous(engine: Engine) -> None:
    located = engine.locate(TWO_CALLS, "- {scope: f, match: step(), insert_before: clip()}")
    (outcome,) = located.outcomes
    assert outcome.diagnosis is not None
    assert outcome.diagnosis.code.value == "ambiguous"
    assert outcome.diagnosis.lines == (4, 6)
    assert located.changes == ()


@pytest.mark.parametrize(
    ("selection", "lines"),
    [
        ("expect: 2", (4, 6)),
        ("expect: 1..", (4, 6)),
        ("expect: 2, pick: first", (4,)),
        ("expect: 2, pick: last", (6,)),
        ("expect: 1..3, pick: 2", (6,)),
    ],
)
def test_several_places(engine: Engine, selection: str, lines: tuple[int, ...]) -> None:
    edit = f"- {{scope: f, match: step(), {selection}, insert_before: clip()}}"
    assert engine.locate(TWO_CALLS, edit).outcomes[0].lines == lines


@pytest.mark.parametrize(
    ("selection", "code"),
    [("expect: 3", "no-anchor"), ("expect: 1", "ambiguous"), ("expect: 2.., pick: 3", "no-anchor")],
)
def test_another_number_of_places_than_expected(engine: Engine, selection: str, code: str) -> None:
    edit = f"- {{scope: f, match: step(), {selection}, insert_before: clip()}}"
    assert engine.code(TWO_CALLS, edit) == code


def test_any_of_takes_the_first_that_is_there(engine: Engine) -> None:
    edit = """
        - scope: f
          any_of:
            - match: missing()
            - match: a()
            - match: b()
          insert_before: x()
    """
    assert engine.locate(TWO_CALLS, edit).outcomes[0].lines == (3,)


def test_any_of_does_not_fall_through_what_is_ambiguous(engine: Engine) -> None:
    edit = """
        - scope: f
          any_of:
            - match: step()
            - match: a()
          insert_before: x()
    """
    assert engine.code(TWO_CALLS, edit) == "ambiguous"


def test_an_alternative_may_bring_its_own_operation_and_scope(engine: Engine) -> None:
    edit = """
        - scope: g
          any_of:
            - match: a()
            - {scope: f, match: b(), insert_after: y()}
          insert_before: x()
    """
    assert "    b()\n    y()\n" in engine.result(TWO_CALLS, edit)


def test_unless_counts_the_edit_as_made(engine: Engine) -> None:
    edit = "- {scope: f, match: a(), unless: b(), insert_before: x()}"
    assert engine.statuses(TWO_CALLS, edit) == {EditStatus.ALREADY}
    other_scope = TWO_CALLS.replace("b()", "c()") + "    def g():\n        b()\n"
    assert engine.statuses(other_scope, edit) == {EditStatus.APPLIED}


def test_optional_forgives_a_missing_anchor_and_nothing_else(engine: Engine) -> None:
    missing = "- {scope: f, match: nowhere(), optional: true, insert_before: x()}"
    assert engine.statuses(TWO_CALLS, missing) == {EditStatus.NOT_NEEDED}
    twice = "- {scope: f, match: step(), optional: true, insert_before: x()}"
    assert engine.code(TWO_CALLS, twice) == "ambiguous"


def test_not_inside_leaves_out_a_place(engine: Engine) -> None:
    before = """
        step()
        with no_grad():
            step()
    """
    edit = "- {match: step(), not_inside: 'with no_grad(): $$$B', insert_after: x()}"
    assert engine.locate(before, edit).outcomes[0].lines == (2,)


def test_where_reads_code_as_python_prints_it(engine: Engine) -> None:
    before = 'autocast( "cuda" , dtype=d)\nautocast("cpu", dtype=d)\n'
    edit = (
        """- {match: 'autocast($V, $$$A)', where: {V: "^'cuda'$"}, at: V, replace: device.type}"""
    )
    assert engine.result(before, edit) == (
        'autocast( device.type , dtype=d)\nautocast("cpu", dtype=d)\n'
    )


def test_import_from_finds_names_among_others(engine: Engine) -> None:
    before = "from a import (x,\n    y as z)\nfrom .a import x\nfrom a import w\n"
    edit = "- {import_from: {module: a, names: [y as z]}, insert_after: done()}"
    assert engine.locate(before, edit).outcomes[0].lines == (1,)
    relative = "- {import_from: {module: .a, names: x}, insert_after: done()}"
    assert engine.locate(before, relative).outcomes[0].lines == (3,)
    plain_name = "- {import_from: {module: a, names: [y]}, insert_after: done()}"
    assert engine.code(before, plain_name) == "no-anchor"


ALWAYS = "- {scope: f, match: step(), always: true, insert_after: x()}"


@pytest.mark.parametrize(
    "body",
    [
        "if a:\n        step()",
        "if a:\n        pass\n    else:\n        step()",
        "for a in b:\n        step()",
        "try:\n        pass\n    except ValueError:\n        step()",
        "if a:\n        return\n    step()",
        "return a and step()",
        "return [step() for a in b]",
    ],
)
def test_always_refuses_what_may_not_run(engine: Engine, body: str) -> None:
    assert engine.code(f"def f():\n    {body}\n", ALWAYS) == "no-anchor"


@pytest.mark.parametrize(
    "body",
    [
        "step()",
        "with a:\n        step()",
        "try:\n        step()\n    finally:\n        pass",
        "def g():\n        return 1\n    step()",
        "if not a:\n        raise ValueError\n    step()\n    return 1",
    ],
)
def test_always_takes_what_runs_unless_there_is_an_error(engine: Engine, body: str) -> None:
    assert "step()" in engine.result(f"def f():\n    {body}\n", ALWAYS).split("x()")[0]


def test_always_goes_through_what_inside_shows_and_no_further(engine: Engine) -> None:
    edit = "- {scope: f, match: step(), inside: 'if a: $$$B', always: true, insert_after: x()}"
    assert "x()" in engine.result("def f():\n    if a:\n        step()\n", edit)
    deeper = "def f():\n    if a:\n        if b:\n            step()\n"
    assert engine.code(deeper, edit) == "no-anchor"
    other_branch = "def f():\n    if a:\n        pass\n    else:\n        step()\n"
    assert engine.code(other_branch, edit) == "no-anchor"
