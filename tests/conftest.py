"""Tiny random models and texts of our own: every test is offline and takes seconds."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from lusifer.models import families
from lusifer.models.backends.static import StaticConfig, save_static

# Two threads wait for each other where another process has their core: a step that takes 20 ms alone
# took 3.5 s then.
torch.set_num_threads(1)
gc.collect()
gc.freeze()
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

TEXTS = [
    "The station is behind the old market.",
    "She bakes bread every morning before sunrise.",
    "A storm is coming from the western hills.",
    "Our library closes at six on Fridays.",
    "He repaired the bicycle with a piece of wire.",
    "The children are painting a large blue whale.",
    "Please send the invoice to the office.",
    "Two ferries cross the river each hour.",
    "The doctor told her to drink more water.",
    "Nobody knows who planted these apple trees.",
    "My brother plays the violin in a small orchestra.",
    "The recipe asks for three eggs and some flour.",
    "We walked along the beach until it was dark.",
    "The engine needs a new filter this year.",
    "Their grandmother tells stories about the sea.",
    "The museum shows coins from many countries.",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()) and not SHARED.is_dir():
            item.add_marker(
                pytest.mark.skip(
                    reason=f"needs the data folder {SHARED.name} beside the checkout, which is absent"
                )
            )


@pytest.fixture(autouse=True, scope="module")
def libraries_are_not_collected() -> Iterator[None]:
    """What a file of tests has imported is left out of later collections: accelerate asks for one after
    every training, and to look at all of torch and transformers again took a second each time.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def shared_data() -> Path:
    """The real data beside the checkout; tests that ask for it skip where it is absent."""
    return SHARED


def make_tokenizer(folder: Path) -> None:
    """A small word-piece tokenizer over `TEXTS`, saved in `folder`."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=160,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>", mask_token="<mask>",
        cls_token="<s>", sep_token="</s>", model_max_length=512,
    )  # fmt: skip
    fast.save_pretrained(folder)


def make_table(folder: Path, seed: int = 0) -> Path:
    """A static table of random rows, 16 numbers each, in `folder`/model."""
    make_tokenizer(folder / "words")
    tokenizer = Tokenizer.from_file(str(folder / "words" / "tokenizer.json"))
    rows = (
        np.random.default_rng(seed).normal(size=(tokenizer.get_vocab_size(), 16)).astype(np.float32)
    )
    save_static(folder / "model", tokenizer, rows, StaticConfig(16))
    return folder / "model"


SMALL = {
    "vocab_size": 170,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
IDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
DROP = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}


def tiny_config(family: str) -> transformers.PreTrainedConfig:
    """A configuration of the family, small enough for a test."""
    t5 = {
        "vocab_size": 170,
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 48,
        "num_layers": 2,
        "num_heads": 4,
        "pad_token_id": 1,
    }
    decoder = {
        **SMALL,
        **IDS,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "head_dim": 8,
    }
    table: dict[str, Callable[[], transformers.PreTrainedConfig]] = {
        "bert": lambda: transformers.BertConfig(
            **SMALL, **DROP, max_position_embeddings=256, pad_token_id=1
        ),
        "roberta": lambda: transformers.RobertaConfig(
            **SMALL, **IDS, **DROP, max_position_embeddings=258
        ),
        "xlm-roberta": lambda: transformers.XLMRobertaConfig(
            **SMALL, **IDS, **DROP, max_position_embeddings=258
        ),
        "modernbert": lambda: transformers.ModernBertConfig(
            **SMALL,
            **IDS,
            cls_token_id=0,
            sep_token_id=2,
            max_position_embeddings=256,
            attn_implementation="sdpa",
        ),
        "t5": lambda: transformers.T5Config(**t5),
        "mt5": lambda: transformers.MT5Config(**t5),
        "umt5": lambda: transformers.UMT5Config(**t5),
        "llama": lambda: transformers.LlamaConfig(**decoder),
        "mistral": lambda: transformers.MistralConfig(**decoder, sliding_window=None),
        "qwen2": lambda: transformers.Qwen2Config(
            **{k: v for k, v in decoder.items() if k != "head_dim"}
        ),
        "qwen3": lambda: transformers.Qwen3Config(**decoder),
        "qwen3_moe": lambda: transformers.Qwen3MoeConfig(
            **decoder, moe_intermediate_size=24, num_experts=4, num_experts_per_tok=2
        ),
        "eurobert": lambda: transformers.EuroBertConfig(
            **SMALL, **IDS, num_key_value_heads=2, mask_token_id=4, max_position_embeddings=256
        ),
        "nomic_bert": lambda: transformers.NomicBertConfig(
            **SMALL, **IDS, max_position_embeddings=256
        ),
        "distilbert": lambda: transformers.DistilBertConfig(
            vocab_size=160,
            dim=32,
            hidden_dim=48,
            n_layers=2,
            n_heads=4,
            pad_token_id=1,
            max_position_embeddings=256,
        ),
        "deberta-v2": lambda: transformers.DebertaV2Config(
            **SMALL,
            pad_token_id=1,
            max_position_embeddings=256,
            relative_attention=True,
            pos_att_type=["p2c", "c2p"],
            position_buckets=16,
            norm_rel_ebd="layer_norm",
        ),
        "gemma": lambda: transformers.GemmaConfig(**decoder),
        "gemma2": lambda: transformers.Gemma2Config(**decoder, query_pre_attn_scalar=8),
        "gemma3_text": lambda: transformers.Gemma3TextConfig(**decoder, query_pre_attn_scalar=8),
    }
    return table[family]()


CAUSAL = ("llama", "mistral", "qwen2", "qwen3", "qwen3_moe", "gemma", "gemma2", "gemma3_text")


def make_model(folder: Path, family: str, seed: int = 0) -> Path:
    """A random model of the family with a tokenizer, saved as on the hub."""
    torch.manual_seed(seed)
    config = tiny_config(family)
    if family in ("t5", "mt5", "umt5"):
        cls = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}[family]
        model = getattr(transformers, cls)(config)
    elif family in CAUSAL:
        model = transformers.AutoModelForCausalLM.from_config(config)
    else:
        model = transformers.AutoModel.from_config(config)
    with torch.no_grad():  # away from the near-zero start, so that attention and context matter
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    model.save_pretrained(folder)
    make_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """family → a folder with a tiny model of it, made once a session."""
    root = tmp_path_factory.mktemp("models")
    made: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in made:
            with families.without_bars():  # a test of what is printed may be the first to ask
                made[family] = make_model(root / family, family)
        return made[family]

    return get


@pytest.fixture
def english_tsv(tmp_path: Path) -> Path:
    """A folder with `texts.tsv`: language, text."""
    (tmp_path / "texts.tsv").write_text(
        "".join(f"eng_Latn\t{t}\n" for t in TEXTS), encoding="utf-8"
    )
    return tmp_path
