"""Which model families a bridge takes as encoder and as target, and how each is loaded.

An allow-list: any other family is refused with the list of those that work, since an unknown one
may ignore `inputs_embeds`, attend in one direction silently, or need remote code. Decoders attend
bidirectionally here (LLM2Vec, arXiv 2404.05961; LUSIFER, arXiv 2501.00874): transformers' masks
follow `config.is_causal`, its attention modules their own `is_causal`; both are set, and a test
checks per family that position 0 sees the last token.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
import transformers

from lusifer.errors import ModelError
from lusifer.models.packed import is_packed, unpack

Role = Literal["encoder", "target"]
DECODERS = ("llama", "mistral", "qwen2", "qwen3", "qwen3_moe", "gemma", "gemma2", "gemma3_text")
T5 = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}
BERTS = ("bert", "xlm-roberta", "roberta", "modernbert", "eurobert", "nomic_bert")
ENCODERS = ("distilbert", "deberta-v2")  # tried in front of a target alone, not as one
FAMILIES: dict[Role, tuple[str, ...]] = {
    "encoder": (*BERTS, *ENCODERS, *T5),
    "target": (*DECODERS, *BERTS),
}
LEARNED = ("bert", "roberta", "xlm-roberta", "distilbert")  # whose positions are looked up
WITHOUT_POOLER = ("bert", "xlm-roberta", "roberta")


def read_config(folder: str | Path, role: Role) -> Any:
    """The model's transformers configuration. Raises ModelError for a family that `role` does not
    take.
    """
    try:
        config = transformers.AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder}: not a model folder of a known family ({str(error).splitlines()[0]})"
        ) from None
    check_family(config.model_type, role, str(folder))
    return config


def check_family(family: str, role: Role, where: str) -> None:
    """Refuse a family that is not on the role's list."""
    if family not in FAMILIES[role]:
        raise ModelError(
            f"{where}: the family {family!r} cannot be a bridge's {role}; these can: {', '.join(FAMILIES[role])}"
        )


def build(config: Any, *, causal: bool = False) -> Any:
    """An untrained backbone of this configuration: no LM head, no pooler, attending both ways
    unless `causal`.
    """
    config.use_cache = False
    if config.model_type in T5:
        return getattr(transformers, T5[config.model_type])(config)
    extra = {"add_pooling_layer": False} if config.model_type in WITHOUT_POOLER else {}
    model = transformers.AutoModel.from_config(config, **extra)
    return direct(model, causal=causal)


def load(
    folder: str | Path, role: Role, dtype: torch.dtype = torch.float32, *, causal: bool = False
) -> Any:
    """The backbone in `folder` with its weights (safetensors only), in eval mode.

    Raises ModelError where there are no safetensors weights or they do not fit the configuration.
    """
    folder = Path(folder)
    config = read_config(folder, role)
    if is_packed(folder):
        model = cast_parameters(build(config, causal=causal), dtype)
        state = unpack(folder)
        for name in state.keys() - model.state_dict().keys():
            if name.startswith("pooler."):  # which a backbone does not use
                del state[name]
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            raise ModelError(
                f"{folder}: the packed weights do not fit the configuration ({' '.join(str(error).split())})"
            ) from None
        return model.eval()
    if not list(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder}: no *.safetensors weights; pickled weights are not read, convert them first"
        )
    cls: Any = (
        getattr(transformers, T5[config.model_type])
        if config.model_type in T5
        else transformers.AutoModel
    )
    extra = {"add_pooling_layer": False} if config.model_type in WITHOUT_POOLER else {}
    config.use_cache = False
    settings = {
        "config": config,
        "dtype": dtype,
        "use_safetensors": True,
        "trust_remote_code": False,
        "output_loading_info": True,
        **extra,
    }
    try:
        with quiet():
            model, report = cls.from_pretrained(str(folder), **settings)
    except Exception as error:  # safetensors raises its own class for a truncated file
        raise ModelError(
            f"{folder}: the weights cannot be read, perhaps cut short ({str(error).splitlines()[0]})"
        ) from error
    if report["missing_keys"]:
        raise ModelError(
            f"{folder}: the weights lack {sorted(report['missing_keys'])[0]!r} and {len(report['missing_keys']) - 1} more"
        )
    return direct(model, causal=causal).eval()


def cast_parameters(model: Any, dtype: torch.dtype) -> Any:
    """Change the weights' type and leave buffers alone: rotary frequencies rounded to bf16 would
    turn long texts wrong.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from reporting tensors that a backbone does not use (a pooler, an LM head);
    errors still show.
    """
    logging = transformers.utils.logging
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with without_bars():
            yield
    finally:
        logging.set_verbosity(level)


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep transformers from drawing a bar for weights that it reads; what it reports still shows."""
    logging = transformers.utils.logging
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if bars:
            logging.enable_progress_bar()


def direct(model: Any, *, causal: bool) -> Any:
    """Set a decoder's attention direction; encoders are left as they are."""
    if model.config.model_type in DECODERS:
        model.config.is_causal = causal
        for module in model.modules():
            if hasattr(module, "is_causal"):
                module.is_causal = causal
    return model


def load_tokenizer(folder: str | Path) -> Any:
    """The model's tokenizer, with a padding token. Raises ModelError where the folder has none."""
    if not any(
        (Path(folder) / name).exists()
        for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "spiece.model")
    ):
        raise ModelError(f"{folder}: no tokenizer; an encoder needs one (tokenizer.json)")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except Exception as error:  # tokenizers raises a bare Exception for a damaged file
        raise ModelError(
            f"{folder}: the tokenizer cannot be read, perhaps cut short ({' '.join(str(error).split())[:200]})"
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def positions(config: Any) -> int | None:
    """How many tokens the model has learned positions for; None where positions are rotary or
    relative.
    """
    if config.model_type not in LEARNED:
        return None
    return int(config.max_position_embeddings) - (2 if "roberta" in config.model_type else 0)


def recompute(model: Any) -> None:
    """Recompute activations in the backward pass; transformers has renamed the method on the way to
    version 6.
    """
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable(
            activation_checkpointing_kwargs={"use_reentrant": False}
        )
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def no_dropout(model: Any) -> None:
    """Set every dropout of the model to 0, for good."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout_prob", "dropout_rate"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def blocks(model: Any) -> list[torch.nn.Module]:
    """The model's layers, each a block of attention and feed-forward: the outermost list of
    modules.
    """
    return list(
        next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    )


def embeddings(model: Any) -> tuple[torch.Tensor, float]:
    """The input embedding table, (vocabulary, width), and the factor that the model's own lookup
    multiplies it by.
    """
    table = model.get_input_embeddings()
    return table.weight, float(getattr(table, "scalar_embed_scale", 1.0))


def width(config: Any) -> int:
    """The size of the model's hidden states."""
    return int(getattr(config, "d_model", None) or config.hidden_size)
