"""What other packages use of this one; all else in it is its own."""

from . import families as families, four_bit as four_bit, hub as hub
from .adapters import (
    write_adapter as write_adapter,
)
from .backends.engine import (
    counted as counted,
    windows as windows,
)
from .backends.onnx import (
    onnx_file as onnx_file,
)
from .backends.static import (
    LONGEST_PIECE as LONGEST_PIECE,
    TOKENIZER as TOKENIZER,
    WEIGHTS as WEIGHTS,
    StaticConfig as StaticConfig,
    StaticEmbedder as StaticEmbedder,
    load_static as load_static,
    save_static as save_static,
)
from .backends.torch_embedder import (
    TorchEmbedder as TorchEmbedder,
)
from .backends.torch_runner import (
    plain as plain,
)
from .bridge import (
    ENGLISH_IS_DISTILLED as ENGLISH_IS_DISTILLED,
    TRAINED as TRAINED,
    Branches as Branches,
    Bridge as Bridge,
    BridgeConfig as BridgeConfig,
    Lora as Lora,
    Part as Part,
    lora_config as lora_config,
    masked_mean as masked_mean,
    tokenise as tokenise,
)
from .bridge.connectors import (
    Connector as Connector,
    ConnectorConfig as ConnectorConfig,
    to_front as to_front,
)
from .echo import (
    EchoTransformer as EchoTransformer,
)
from .embedder import (
    BaseEmbedder as BaseEmbedder,
    Embedder as Embedder,
    Vectors as Vectors,
)
from .english_route import (
    target_tokenizer as target_tokenizer,
)
from .ensemble import (
    ENSEMBLE as ENSEMBLE,
    PROJECTION as PROJECTION,
    How as How,
    join as join,
)
from .families import (
    no_dropout as no_dropout,
)
from .formats import (
    format_of as format_of,
)
from .four_bit import (
    FourBitEmbedding as FourBitEmbedding,
    rounded as rounded,
)
from .heads import (
    Heads as Heads,
    multi_scores as multi_scores,
    sparse_scores as sparse_scores,
)
from .hub import (
    DEFAULT as DEFAULT,
    SHIPPED as SHIPPED,
    TABLE as TABLE,
    locate as locate,
    read_json as read_json,
)
from .identity import (
    identity as identity,
)
from .language_model import (
    causal_lm as causal_lm,
)
from .late_interaction import (
    SPARSE_SHARE as SPARSE_SHARE,
)
from .latent_attention import (
    LatentAttention as LatentAttention,
)
from .load import (
    LoadedModel as LoadedModel,
    is_url as is_url,
    load as load,
)
from .packed import (
    quantise_rows as quantise_rows,
)
from .reranker import (
    LoadedReranker as LoadedReranker,
    Reranker as Reranker,
    cross_encoder as cross_encoder,
    load_reranker as load_reranker,
)
from .sentence_transformer import (
    sentence_transformer as sentence_transformer,
)
from .static_table import (
    write_as as write_as,
)
from .token_access import (
    TokenAccess as TokenAccess,
)
from .tokenize import (
    padded as padded,
)
