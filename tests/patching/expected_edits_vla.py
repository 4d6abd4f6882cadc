"""The same for OpenVLA, its fork openvla-oft, and RDT."""

from __future__ import annotations

import ast
from typing import Any

from tests.patching.expected_edits import (
    Code,
    NoTarget,
    calls,
    definition,
    guarded,
    imported_from,
    insert,
    only,
    parsed,
    prepend,
    replace_expression,
    spots,
    statements_with,
)

RLDS = "prismatic.vla.datasets.rlds"


def lazy_rlds(tree: ast.Module, code: Code) -> None:
    loaders = imported_from(tree, RLDS, "make_interleaved_dataset", "make_single_dataset")
    del tree.body[loaders]
    mixtures = ("OXE_NAMED_MIXTURES", "get_oxe_dataset_kwargs_and_weights")
    del tree.body[imported_from(tree, f"{RLDS}.oxe", *mixtures)]
    constructor = definition(tree, "RLDSDataset", "__init__")
    try:
        del tree.body[imported_from(tree, f"{RLDS}.utils.data_utils", "NormalizationType")]
    except NoTarget:
        pass  # openvla-oft has the name from elsewhere, and keeps it
    else:
        uses = [
            index
            for index, node in enumerate(constructor.body)
            if any(
                isinstance(each, ast.Attribute) and ast.unparse(each.value) == "NormalizationType"
                for each in ast.walk(node)
            )
        ]
        insert(constructor.body, only(uses), code("normalization"))
    prepend(constructor, code("mixtures"))
    prepend(definition(tree, "RLDSDataset", "make_dataset"), code("interleaved"))
    prepend(definition(tree, "EpisodicRLDSDataset", "make_dataset"), code("single"))


def lazy_statistics(tree: ast.Module, code: Code) -> None:
    name = "save_dataset_statistics"
    uses = statements_with(tree, name)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            uses += statements_with(function, name)
    if not uses:
        raise NoTarget
    for body, index in reversed(uses):
        insert(body, index, code("use"))
    del tree.body[imported_from(tree, f"{RLDS}.utils.data_utils", name)]


def choose_device(tree: ast.Module, code: Code) -> None:
    function = definition(tree, "finetune")
    asserts = [
        index
        for index, node in enumerate(function.body)
        if isinstance(node, ast.Assert)
        and ast.unparse(node.test) == "torch.cuda.is_available()"
        and node.msg
    ]
    place = only(asserts)
    function.body[place : place + 1] = parsed(code("assert"))
    (body, index) = only(statements_with(function, "torch.cuda.set_device"))
    statement = body[index]
    named = only([each for each in ast.walk(statement) if isinstance(each, ast.NamedExpr)])
    if ast.unparse(named.value) != "distributed_state.local_process_index":
        raise NoTarget
    device = code("device").replace("$D", named.target.id)
    body[index : index + 1] = guarded(device, statement)
    keyword = only([k for call in calls(function, "DDP") for k in call.keywords if is_ids(k)])
    condition = code("ddp").replace("$IDS", "$MATCH")
    replace_expression(function, keyword.value, condition)
    autocast = only(
        [c for c in calls(function, "torch.autocast") if ast.unparse(c.args[0]) == "'cuda'"]
    )
    replace_expression(function, autocast.args[0], code("autocast"))


def is_ids(keyword: ast.keyword) -> bool:
    return keyword.arg == "device_ids"


def optional_wandb(tree: ast.Module, code: Code) -> None:
    """Only where nothing else uses the name, which is gone from the top of the file."""
    function = definition(tree, "finetune")
    starts, logs = statements_with(function, "wandb.init"), statements_with(function, "wandb.log")
    only(starts)
    served = sum(uses_of_wandb(body[index]) for body, index in starts + logs)
    if not logs or uses_of_wandb(tree) != served:
        raise NoTarget
    for places, edit in ((logs, "log"), (starts, "init")):
        for body, index in reversed(places):
            body[index : index + 1] = guarded(code(edit), body[index])
    body, index = only(spots(tree, "import wandb"))
    del body[index]


def uses_of_wandb(node: ast.AST) -> int:
    return sum(isinstance(each, ast.Name) and each.id == "wandb" for each in ast.walk(node))


def clip_gradients(tree: ast.Module, code: Code) -> None:
    body, index = only(spots(definition(tree, "finetune"), "optimizer.step()"))
    insert(body, index, code("clip"))
    fields = definition(tree, "FinetuneConfig").body
    rates = [
        index
        for index, node in enumerate(fields)
        if isinstance(node, ast.AnnAssign)
        and ast.unparse(node.target) == "learning_rate"
        and ast.unparse(node.annotation) == "float"
    ]
    insert(fields, only(rates) + 1, code("key"))


def persistent_workers(tree: ast.Module, code: Code) -> None:
    loaders = calls(definition(tree, "train"), "torch.utils.data.DataLoader")
    if len(loaders) != 2:
        raise NoTarget
    for loader in loaders:
        keywords: dict[Any, ast.keyword] = {keyword.arg: keyword for keyword in loader.keywords}
        if ast.unparse(keywords["persistent_workers"].value) != "True":
            raise NoTarget
        workers = ast.unparse(keywords["num_workers"].value)
        fresh = ast.parse(code("loaders").replace("$N", workers), mode="eval").body
        keywords["persistent_workers"].value = fresh


def bounded_retry(tree: ast.Module, code: Code) -> None:
    function = definition(tree, "VLAConsumerDataset", "__getitem__")
    handler = only(
        [
            each
            for each in ast.walk(function)
            if isinstance(each, ast.ExceptHandler)
            and each.type is not None
            and ast.unparse(each.type) == "BaseException"
        ]
    )
    handler.body += parsed(code("stop"))
    loops = [
        index
        for index, node in enumerate(function.body)
        if isinstance(node, ast.While) and ast.unparse(node.test) == "True"
    ]
    insert(function.body, only(loops), code("counter"))


def unwrap_to_load(tree: ast.Module, code: Code) -> None:
    loads = calls(definition(tree, "train"), "rdt.module.load_state_dict")
    if not loads:
        raise NoTarget
    for call in loads:
        assert isinstance(call.func, ast.Attribute)
        call.func.value = ast.parse(code("load"), mode="eval").body


def unwrap_to_sample(tree: ast.Module, code: Code) -> None:
    call = only(calls(definition(tree, "log_sample_res"), "rdt.predict_action"))
    call.func = ast.parse(code("sample"), mode="eval").body
