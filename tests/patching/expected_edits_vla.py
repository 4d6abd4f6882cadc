"""The same for OpenVLA, its fork openvla-oft, and RDT."""

from __future__ import annotations

import ast
from typing import Any

from tests.patching.expected_edits import (
    Code,
    NoTarget,
    bodies,
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


def one_process(tree: ast.Module, code: Code) -> None:
    wrapped = "from torch.nn.parallel import DistributedDataParallel as DDP"
    body, index = only(
        [place for place in spots(tree, wrapped) if isinstance(place[0][place[1]], ast.ImportFrom)]
    )
    body[index : index + 1] = parsed(code("ddp"))


def libero_run(tree: ast.Module, code: Code) -> None:
    """Twelve hooks, all or none."""
    function = definition(tree, "finetune")
    data = only(calls(function, "RLDSDataset"))
    loader = only(calls(function, "DataLoader"))
    saves = only([each for each in ast.walk(function) if asks_whether_to_save(each)])
    numbered = only([c for c in calls(function, "enumerate") if ast.unparse(c.args[0]) == LOADER])
    model, config = assigned_by(function, "DDP"), assigned_by(function, "LoraConfig")
    accuracy = only(
        [(body, i) for body, i in assignments(function) if target_of(body[i]) == "action_l1_loss"]
    )
    steps = only(spots(function, "optimizer.step()"))
    made = only(spots(function, "os.makedirs(run_dir, exist_ok=True)"))
    optimizer = assigned_by(function, "AdamW")
    if target_of(optimizer[0][optimizer[1]]) != "optimizer":
        raise NoTarget

    after = {"metrics": accuracy, "resume": optimizer, "lora": config, "begin": made}
    statements = {edit: body[index] for edit, (body, index) in after.items()}
    wrapped, stepped = model[0][model[1]], steps[0][steps[1]]
    for edit, statement in statements.items():
        body, index = spot_of(function, statement)
        insert(body, index + 1, code(edit).replace("$CONFIG", target_of(statement)))
    body, index = spot_of(function, wrapped)
    insert(body, index, code("prepare").replace("$MODEL", target_of(wrapped)))
    body, index = spot_of(function, stepped)
    body[index : index + 1] = parsed(code("step"))
    replace_expression(function, numbered, code("batches"))
    replace_expression(
        function, loader, code("loader").replace("$DATA", ast.unparse(loader.args[0]))
    )
    replace_expression(function, data, code("dataset"))
    replace_expression(function, saves, code("save"))

    fields = definition(tree, "FinetuneConfig").body
    insert(fields, only(annotated(fields, "learning_rate", "float")) + 1, code("field"))
    tokens = imported_from(tree, "prismatic.vla.action_tokenizer", "ActionTokenizer")
    insert(tree.body, tokens, code("import"))


LOADER = "dataloader"


def asks_whether_to_save(node: ast.AST) -> bool:
    """`step > 0 and step % cfg.save_steps == 0`, and perhaps one thing more."""
    if not isinstance(node, ast.BoolOp) or not isinstance(node.op, ast.And):
        return False
    first, second, *more = (ast.unparse(each) for each in node.values)
    step = first.removesuffix(" > 0")
    return second == f"{step} % cfg.save_steps == 0" and step != first and len(more) < 2


def assignments(function: ast.AST) -> list[tuple[list[ast.stmt], int]]:
    return [
        (body, index)
        for body in bodies(function)
        for index, node in enumerate(body)
        if isinstance(node, ast.Assign)
    ]


def target_of(statement: ast.stmt) -> str:
    return ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else ""


def assigned_by(function: ast.AST, call: str) -> tuple[list[ast.stmt], int]:
    """Where something is assigned what this call returns."""
    found: tuple[list[ast.stmt], int] = only(
        [
            (body, index)
            for body, index in assignments(function)
            if isinstance(value := getattr(body[index], "value", None), ast.Call)
            and ast.unparse(value.func) == call
        ]
    )
    return found


def spot_of(function: ast.AST, statement: ast.stmt) -> tuple[list[ast.stmt], int]:
    """Where a statement stands now that others have been put before it."""
    return next(
        (body, index)
        for body in bodies(function)
        for index, node in enumerate(body)
        if node is statement
    )


def annotated(fields: list[ast.stmt], name: str, kind: str) -> list[int]:
    return [
        index
        for index, node in enumerate(fields)
        if isinstance(node, ast.AnnAssign)
        and ast.unparse(node.target) == name
        and ast.unparse(node.annotation) == kind
    ]


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
    handler.body[:0] = parsed(code("stop").replace("$ERROR", handler.name or ""))
    loops = [
        index
        for index, node in enumerate(function.body)
        if isinstance(node, ast.While) and ast.unparse(node.test) == "True"
    ]
    insert(function.body, only(loops), code("counter"))
    corrupt = imported_from(tree, "train.image_corrupt", "image_corrupt")
    insert(tree.body, corrupt + 1, code("import"))


def unwrap_to_load(tree: ast.Module, code: Code) -> None:
    loads = calls(definition(tree, "train"), "rdt.module.load_state_dict")
    if not loads:
        raise NoTarget
    for call in loads:
        assert isinstance(call.func, ast.Attribute)
        call.func.value = ast.parse(code("load"), mode="eval").body


def unwrap_to_sample(tree: ast.Module, code: Code) -> None:
    """The prediction within the model's autocast, and its error in float32."""
    function = definition(tree, "log_sample_res")
    body, index = assigned_by(function, "rdt.predict_action")
    call = getattr(body[index], "value", None)
    assert isinstance(call, ast.Call)
    error = only(calls(function, "F.mse_loss"))
    (wrapped,) = parsed(code("sample").replace("$$$A", "").replace("$P", target_of(body[index])))
    assert isinstance(wrapped, ast.With)
    made = wrapped.body[0]
    assert isinstance(made, ast.Assign) and isinstance(made.value, ast.Call)
    made.value.args, made.value.keywords = call.args, call.keywords
    body[index] = wrapped
    for place in (0, 1):
        as_float = ast.parse(f"({ast.unparse(error.args[place])}).float()", mode="eval")
        error.args[place] = as_float.body
