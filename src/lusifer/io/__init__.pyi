"""What other packages use of this one; all else in it is its own."""

from . import http as http
from .console import (
    plain_console as plain_console,
)
from .files import (
    disk_errors as disk_errors,
    disk_full as disk_full,
    fingerprint as fingerprint,
    locked as locked,
    made_folder as made_folder,
    replacing_file as replacing_file,
    replacing_folder as replacing_folder,
    sha256 as sha256,
    write_array as write_array,
    write_json as write_json,
    write_text as write_text,
)
from .folders import (
    StoreFolder as StoreFolder,
)
from .http import (
    BUSY as BUSY,
    WAITS as WAITS,
    EndpointError as EndpointError,
    post as post,
)
from .lazy import (
    Lazy as Lazy,
)
from .paths import (
    expand as expand,
    named as named,
    open_store as open_store,
    refuse_input as refuse_input,
)
from .progress import (
    Bars as Bars,
    track as track,
)
from .streams import (
    COMPRESSIONS as COMPRESSIONS,
    open_bytes as open_bytes,
    open_raw as open_raw,
)
