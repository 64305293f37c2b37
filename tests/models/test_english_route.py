"""A bridge whose English texts its target reads itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import ConfigError
from lusifer.text import chance_of
from lusifer.training.assemble import save_model
from lusifer.training.run import load_recipe
from tests.models.bridge.test_module import make

Folder = Callable[[str], Path]
ENGLISH = [
    "Where is the nearest station, please?",
    "The committee will meet again on the second Tuesday of next month.",
    "How do I get a refund?",
]
OTHERS = [
    "Wo ist hier der n\u00e4chste Bahnhof?",
    "\u00bfD\u00f3nde est\u00e1 la estaci\u00f3n m\u00e1s cercana?",
    "\u0413\u0434\u0435 \u0437\u0434\u0435\u0441\u044c \u0432\u043e\u043a\u0437\u0430\u043b?",
    "\u99c5\u306f\u3069\u3053\u3067\u3059\u304b\u3002",
    "Stesheni ya karibu iko wapi?",
    "",
]


@pytest.fixture(params=[("xlm-roberta", "bert"), ("bert", "llama")], ids=lambda pair: pair[1])
def bridge(request: pytest.FixtureRequest, model_folder: Folder, tmp_path: Path) -> Path:
    """A bridge's folder, whose English goes to its target."""
    encoder, target = request.param
    for family in (encoder, target):
        shutil.copytree(model_folder(family), tmp_path / family)
    model = make(lambda family: tmp_path / family, encoder, target, "frozen")
    save_model(model, tmp_path / "bridge")
    file = tmp_path / "bridge" / "bridge.json"
    document = json.loads(file.read_text("utf-8"))
    document["config"]["english"] = "target"
    file.write_text(json.dumps(document), "utf-8")
    return tmp_path / "bridge"


def without_route(bridge: Path, tmp_path: Path) -> Path:
    """The same bridge, which reads English too."""
    shutil.copytree(bridge, tmp_path / "plain")
    file = tmp_path / "plain" / "bridge.json"
    file.write_text(
        file.read_text("utf-8").replace('"english": "target"', '"english": "bridge"'), "utf-8"
    )
    return tmp_path / "plain"


@pytest.mark.parametrize("prompt", [None, "query"])
def test_each_text_is_read_by_the_one_it_goes_to(
    bridge: Path, tmp_path: Path, prompt: str | None
) -> None:
    routed, plain = lusifer.load(bridge), lusifer.load(without_route(bridge, tmp_path))
    texts = [text for pair in zip(OTHERS, ENGLISH * 2, strict=True) for text in pair]
    vectors = routed.encode(texts, prompt=prompt)
    np.testing.assert_allclose(vectors[::2], plain.encode(OTHERS, prompt=prompt), atol=2e-5)
    before = plain.prompts["query" if prompt else "document"]
    target = json.loads((bridge / "bridge.json").read_text("utf-8"))["config"]["target"]["base"]
    own = plain.model  # type: ignore[attr-defined]
    from lusifer.models import families
    from lusifer.models.bridge import masked_mean, tokenise

    ids = tokenise(families.load_tokenizer(Path(target)), [before + text for text in ENGLISH], 64)
    states = own[0].target(**ids).last_hidden_state.float()
    mode = own[1].pooling_mode
    if mode == "mean":
        made = masked_mean(states, ids["attention_mask"])
    elif mode == "cls":
        made = states[:, 0]
    else:
        made = states[range(len(ENGLISH)), ids["attention_mask"].sum(1) - 1]
    expected = (made / made.norm(dim=1, keepdim=True)).detach().numpy()
    np.testing.assert_allclose(vectors[1::2][:3], expected, atol=2e-5)


def test_a_vector_depends_on_its_text_alone(bridge: Path) -> None:
    model, texts = lusifer.load(bridge), OTHERS + ENGLISH
    alone = np.concatenate([model.encode([text]) for text in texts])
    np.testing.assert_allclose(model.encode(texts), alone, atol=2e-5)
    np.testing.assert_allclose(model.encode(texts[::-1])[::-1], alone, atol=2e-5)
    assert model.encode([]).shape == (0, model.dim)


def test_a_merged_copy_stands_alone_and_sends_english_there_too(
    bridge: Path, tmp_path: Path
) -> None:
    before = lusifer.load(bridge).encode(OTHERS + ENGLISH)
    lusifer.merge(bridge, tmp_path / "whole")
    for family in ("xlm-roberta", "bert", "llama"):
        shutil.rmtree(tmp_path / family, ignore_errors=True)
    after = lusifer.load(tmp_path / "whole").encode(OTHERS + ENGLISH)
    np.testing.assert_allclose(after, before, atol=2e-5)


def test_it_is_another_model_than_the_bridge_without(bridge: Path, tmp_path: Path) -> None:
    from lusifer.models.identity import identity

    assert identity(bridge) != identity(without_route(bridge, tmp_path))


def test_english_is_told_from_languages_that_look_like_it() -> None:
    for text in ENGLISH:
        assert chance_of("en", text) >= 0.2, text
    for text in OTHERS:
        assert chance_of("en", text) < 0.2, text


@pytest.mark.parametrize(
    ("recipe", "overrides", "says"),
    [
        (
            "minilm",
            ["bridge.english=target", "bridge.target.train=lora"],
            "bridge.target.train=frozen",
        ),
        ("small-align", ["bridge.english=target"], "is for stage distill"),
        ("small-finetune", ["bridge.english=target"], "is for stage distill"),
        ("minilm", ["bridge.english=encoder"], "bridge, target"),
    ],
)
def test_it_is_refused_where_english_would_lie_elsewhere(
    recipe: str, overrides: list[str], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        load_recipe(recipe, overrides)
