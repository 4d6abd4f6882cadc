"""Where the shipped patches belong, told a second time and without the engine.

Each function here finds, in a version's syntax tree, the places of one patch in one file as a
person would, with plain loops and conditions: by the ids of the patch's edits, the nodes that they
are about, with what their holes stand for. It raises NoPlace where a version has no such place, or
has two, so that any result at all would be wrong. Verbs and code are read from the patch file.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.patching.oracle import bodies, parsed

Place = tuple[ast.AST, Mapping[str, str]]
Places = Mapping[str, ast.AST | Place | Sequence[Any]]
RLDS = "prismatic.vla.datasets.rlds"
TRAIN, FINETUNE = "robomimic/scripts/train.py", "vla-scripts/finetune.py"


class NoPlace(Exception):
    """The version has no place for the edit, or more than one."""


# -- looking ----------------------------------------------------------------------------------


def only(found: Sequence[Any]) -> Any:
    if len(found) != 1:
        raise NoPlace
    return found[0]


def some(found: Sequence[Any]) -> Sequence[Any]:
    if not found:
        raise NoPlace
    return found


def demand(condition: bool) -> None:
    if not condition:
        raise NoPlace


def text(node: ast.AST) -> str:
    return ast.unparse(node)


def definition(tree: Any, *names: str) -> Any:
    for name in names:
        tree = only([node for node in tree.body if getattr(node, "name", None) == name])
    return tree


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Below a node, those of nested definitions left out."""
    for body in bodies(node, nested=False):
        yield from body


def same(node: ast.AST, source: str) -> list[ast.stmt]:
    """Where this very statement stands."""
    (wanted,) = parsed(source)
    alike = (each for each in statements(node) if type(each) is type(wanted))
    return [each for each in alike if ast.dump(each) == ast.dump(wanted)]


def calls(node: ast.AST, name: str) -> list[ast.Call]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Call) and calls_it(each, name)]


def calls_it(node: object, name: str) -> bool:
    return isinstance(node, ast.Call) and text(node.func) == name


def called(node: ast.AST, name: str) -> list[ast.stmt]:
    """Statements that are a call of this name and nothing else."""
    found = (each for each in statements(node) if isinstance(each, ast.Expr))
    return [each for each in found if calls_it(each.value, name)]


def assigned(node: ast.AST, call: str) -> ast.Assign:
    """The statement that assigns what this call returns."""
    found = (each for each in statements(node) if isinstance(each, ast.Assign))
    statement: ast.Assign = only([each for each in found if calls_it(each.value, call)])
    return statement


def target_of(statement: ast.stmt) -> str:
    return text(statement.targets[0]) if isinstance(statement, ast.Assign) else ""


def imported(tree: ast.Module, module: str, *names: str) -> list[ast.stmt]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        and node.module == module
        and {alias.name for alias in node.names} == set(names)
    ]


# -- robomimic --------------------------------------------------------------------------------


def config_keys(tree: ast.Module) -> Places:
    base = definition(tree, "BaseConfig")
    return {
        "experiment": definition(base, "experiment_config"),
        "observation": definition(base, "observation_config"),
        "import": only(imported(tree, "robomimic.config.config", "Config")),
    }


def image_resize(tree: ast.Module) -> Places:
    processor = definition(tree, "ImageModality", "_default_obs_processor")
    returns = [
        node
        for node in statements(processor)
        if isinstance(node, ast.Return) and node.value and calls(node.value, "process_frame")
    ]
    return {
        "set": definition(tree, "initialize_obs_utils_with_config"),
        "resize": only(returns),
        "import": only(same(tree, "import robomimic.utils.tensor_utils as TU")),
    }


def checkpoint_transfer(tree: ast.Module) -> Places:
    """The load of ckpt_path, never the one of --resume."""
    loads = [
        (branch, statement)
        for branch in ast.walk(definition(tree, "train"))
        if isinstance(branch, ast.If) and "ckpt_path" in names_in(branch.test)
        for statement in called(branch, "model.deserialize")
        if statement in branch.body
    ]
    branch, load = only(loads)
    reads = [
        node
        for node in branch.body
        if isinstance(node, ast.Assign) and calls(node, "maybe_dict_from_checkpoint")
    ]
    files = same(tree, "import robomimic.utils.file_utils as FileUtils")
    return {"load": load, "read": only(reads), "import": only(files)}


def names_in(node: ast.AST) -> set[str]:
    return {getattr(each, "id", getattr(each, "attr", "")) for each in ast.walk(node)}


def exit_code(tree: ast.Module) -> Places:
    main = definition(tree, "main")
    only(same(main, "print(res_str)"))
    return {"exit": main}


def lazy_language_model(tree: ast.Module) -> Places:
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    (model,) = only([calls(node, CLIP) for node in values if calls(node, CLIP)])
    (tokenizer,) = only([calls(node, TOKENIZER) for node in values if calls(node, TOKENIZER)])
    on_cpu = [
        call
        for node in values
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and (call.func.attr, call.func.value) == ("eval", model)
    ]
    return {
        "model": only(on_cpu),
        "tokenizer": tokenizer,
        "import": only(same(tree, "import os")),
    }


CLIP = "CLIPTextModelWithProjection.from_pretrained"
TOKENIZER = "AutoTokenizer.from_pretrained"

# -- OpenVLA, and its fork openvla-oft --------------------------------------------------------


def lazy_rlds(tree: ast.Module) -> Places:
    constructor = definition(tree, "RLDSDataset", "__init__")
    # openvla-oft has this name from elsewhere, and keeps it
    normalization = imported(tree, f"{RLDS}.utils.data_utils", "NormalizationType")
    uses = [
        node
        for node in constructor.body
        if any(
            isinstance(each, ast.Attribute) and text(each.value) == "NormalizationType"
            for each in ast.walk(node)
        )
    ]
    loaders = ("make_interleaved_dataset", "make_single_dataset")
    mixtures = ("OXE_NAMED_MIXTURES", "get_oxe_dataset_kwargs_and_weights")
    return {
        "top-loaders": only(imported(tree, RLDS, *loaders)),
        "top-mixtures": only(imported(tree, f"{RLDS}.oxe", *mixtures)),
        "top-normalization": normalization,
        "normalization": only(uses) if normalization else [],
        "mixtures": constructor,
        "interleaved": definition(tree, "RLDSDataset", "make_dataset"),
        "single": definition(tree, "EpisodicRLDSDataset", "make_dataset"),
    }


def lazy_statistics(tree: ast.Module) -> Places:
    name = "save_dataset_statistics"
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    uses = [*called(tree, name), *(each for node in functions for each in called(node, name))]
    return {
        "use": some(uses),
        "top": only(imported(tree, f"{RLDS}.utils.data_utils", name)),
    }


def choose_device(tree: ast.Module) -> Places:
    function = definition(tree, "finetune")
    asserts = [
        node
        for node in function.body
        if isinstance(node, ast.Assert)
        and text(node.test) == "torch.cuda.is_available()"
        and node.msg
    ]
    chosen = only(called(function, "torch.cuda.set_device"))
    named = only([each for each in ast.walk(chosen) if isinstance(each, ast.NamedExpr)])
    demand(text(named.value) == "distributed_state.local_process_index")
    keywords = (keyword for call in calls(function, "DDP") for keyword in call.keywords)
    ids = only([keyword.value for keyword in keywords if keyword.arg == "device_ids"])
    casts = [call.args[0] for call in calls(function, "torch.autocast")]
    return {
        "assert": only(asserts),
        "device": (chosen, {"$D": named.target.id}),
        "ddp": (ids, {"$IDS": text(ids)}),
        "autocast": only([kind for kind in casts if text(kind) == "'cuda'"]),
    }


def optional_wandb(tree: ast.Module) -> Places:
    """Only where nothing else uses the name, which is gone from the top of the file."""
    function = definition(tree, "finetune")
    starts, logs = called(function, "wandb.init"), some(called(function, "wandb.log"))
    demand(uses_of_wandb(tree) == sum(map(uses_of_wandb, (only(starts), *logs))))
    return {"log": logs, "init": only(starts), "top": only(same(tree, "import wandb"))}


def uses_of_wandb(node: ast.AST) -> int:
    return sum(isinstance(each, ast.Name) and each.id == "wandb" for each in ast.walk(node))


def one_process(tree: ast.Module) -> Places:
    wrapped = "from torch.nn.parallel import DistributedDataParallel as DDP"
    return {"ddp": only(same(tree, wrapped))}


def libero_run(tree: ast.Module) -> Places:
    """Fourteen hooks, all or none."""
    function = definition(tree, "finetune")
    loader = only(calls(function, "DataLoader"))
    model, config = assigned(function, "DDP"), assigned(function, "LoraConfig")
    optimizer = assigned(function, "AdamW")
    demand(target_of(optimizer) == "optimizer")
    fields = [
        node
        for node in definition(tree, "FinetuneConfig").body
        if isinstance(node, ast.AnnAssign)
        and (text(node.target), text(node.annotation)) == ("learning_rate", "float")
    ]
    numbered = calls(function, "enumerate")
    cast = only(calls(function, "torch.autocast"))
    pixels = [
        (call.args[0], {"$DTYPE": text(call.args[0])})  # of batch["pixel_values"].to(IT).to(device)
        for call in calls(function, "batch['pixel_values'].to")
        if f"{text(call)}.to(device_id)" in text(function)
    ]
    tokens = imported(tree, "prismatic.vla.action_tokenizer", "ActionTokenizer")
    return {
        "import": only(tokens),
        "field": only(fields),
        "begin": only(same(function, "os.makedirs(run_dir, exist_ok=True)")),
        "lora": (config, {"$CONFIG": target_of(config)}),
        "prepare": (model, {"$MODEL": target_of(model)}),
        "resume": optimizer,
        "dataset": only(calls(function, "RLDSDataset")),
        "loader": (loader, {"$DATA": text(loader.args[0])}),
        "batches": only([call for call in numbered if text(call.args[0]) == "dataloader"]),
        "autocast": cast,
        "pixels": only(pixels),
        "metrics": only([s for s in statements(function) if target_of(s) == "action_l1_loss"]),
        "step": only(same(function, "optimizer.step()")),
        "save": only([node for node in ast.walk(function) if asks_whether_to_save(node)]),
    }


def asks_whether_to_save(node: ast.AST) -> bool:
    """`step > 0 and step % cfg.save_steps == 0`, and perhaps one thing more."""
    if not isinstance(node, ast.BoolOp) or not isinstance(node.op, ast.And):
        return False
    first, second, *more = map(text, node.values)
    step = first.removesuffix(" > 0")
    return second == f"{step} % cfg.save_steps == 0" and step != first and len(more) < 2


# -- RDT --------------------------------------------------------------------------------------


def persistent_workers(tree: ast.Module) -> Places:
    loaders = calls(definition(tree, "train"), "torch.utils.data.DataLoader")
    demand(len(loaders) == 2)
    keywords = [{each.arg: each.value for each in loader.keywords} for loader in loaders]
    kept = [values["persistent_workers"] for values in keywords]
    demand([text(each) for each in kept] == ["True", "True"])
    workers = [{"$N": text(values["num_workers"])} for values in keywords]
    return {"loaders": list(zip(kept, workers, strict=True))}


def bounded_retry(tree: ast.Module) -> Places:
    function = definition(tree, "VLAConsumerDataset", "__getitem__")
    handlers = (node for node in ast.walk(function) if isinstance(node, ast.ExceptHandler))
    handler = only([each for each in handlers if each.type and text(each.type) == "BaseException"])
    loops = [each for each in function.body if isinstance(each, ast.While)]
    return {
        "stop": (handler, {"$ERROR": handler.name or ""}),
        "counter": only([loop for loop in loops if text(loop.test) == "True"]),
    }


def unwrap_to_load(tree: ast.Module) -> Places:
    loads = calls(definition(tree, "train"), "rdt.module.load_state_dict")
    return {"load": [call.func.value for call in some(loads)]}


def unwrap_to_sample(tree: ast.Module) -> Places:
    """The prediction within the model's autocast, and its error in float32."""
    function = definition(tree, "log_sample_res")
    sample = assigned(function, "rdt.predict_action")
    error = only(calls(function, "F.mse_loss"))
    prediction, truth = error.args[:2]
    return {
        "sample": (sample, {"$$$A": given(sample.value), "$P": target_of(sample)}),
        "error": (error, {"$$$A": given(error, 2), "$P": text(prediction), "$T": text(truth)}),
    }


def given(call: Any, first: int = 0) -> str:
    """Arguments as they are written."""
    keywords = (f"{each.arg}={text(each.value)}" for each in call.keywords)
    return ", ".join([*map(text, call.args[first:]), *keywords])


PLACES: Mapping[tuple[str, str, str], Callable[[ast.Module], Places]] = {
    ("robomimic", "0001-config-keys", "robomimic/config/base_config.py"): config_keys,
    ("robomimic", "0002-image-resize", "robomimic/utils/obs_utils.py"): image_resize,
    ("robomimic", "0003-checkpoint-transfer", TRAIN): checkpoint_transfer,
    ("robomimic", "0005-exit-code", TRAIN): exit_code,
    (
        "robomimic",
        "0006-lazy-language-model",
        "robomimic/utils/lang_utils.py",
    ): lazy_language_model,
    ("openvla", "0001-lazy-rlds", "prismatic/vla/datasets/datasets.py"): lazy_rlds,
    ("openvla", "0002-lazy-statistics", FINETUNE): lazy_statistics,
    ("openvla", "0003-device", FINETUNE): choose_device,
    ("openvla", "0004-optional-wandb", FINETUNE): optional_wandb,
    ("openvla", "0005-one-process", FINETUNE): one_process,
    ("openvla", "0006-libero-run", FINETUNE): libero_run,
    ("rdt", "0001-persistent-workers", "train/train.py"): persistent_workers,
    ("rdt", "0002-bounded-retry", "train/dataset.py"): bounded_retry,
    ("rdt", "0003-unwrap-model", "train/train.py"): unwrap_to_load,
    ("rdt", "0003-unwrap-model", "train/sample.py"): unwrap_to_sample,
}
