"""Parts as Parquet, where pyarrow is installed: columns to filter by, and each row's JSON with its hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_run._files import replacing
from edge_run.errors import BackendError

from .chain import Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ROWS = 1000


def need_pyarrow() -> Any:  # noqa: ANN401 - a module without types
    """Import pyarrow.

    Raises
    ------
    BackendError
        It is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise BackendError("Parquet needs pyarrow, which is not installed", hint="pip install pyarrow") from error
    return pa


def write(path: Path, rows: Iterable[Link]) -> None:
    """Write rows with the columns path, scan_sha256, label, probability, flags, error, record and hash.

    ``record`` is the row as JSON, which ``hash`` is of.

    Raises
    ------
    BackendError
        pyarrow is not installed.
    OSError
        It cannot be written.
    """
    pa = need_pyarrow()
    columns = [pa.field(name, pa.string()) for name in ("path", "scan_sha256", "label")]
    columns += [pa.field("probability", pa.float64()), pa.field("flags", pa.list_(pa.string()))]
    columns += [pa.field(name, pa.string()) for name in ("error", "record", "hash")]
    schema = pa.schema(columns)
    with replacing(path) as unfinished, pa.parquet.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        block: list[dict[str, object]] = []
        for one in rows:
            block.append(_cells(one))
            if len(block) == _ROWS:
                writer.write_table(pa.Table.from_pylist(block, schema))
                block = []
        if block:
            writer.write_table(pa.Table.from_pylist(block, schema))


def read(path: Path) -> Iterator[Link]:
    """Yield the rows of a Parquet part.

    Raises
    ------
    BackendError
        pyarrow is not installed.
    OSError
        It cannot be read.
    """
    pa = need_pyarrow()
    try:
        with pa.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS, columns=["record", "hash"]):
                yield from map(Link, batch.column("record").to_pylist(), batch.column("hash").to_pylist())
    except pa.ArrowInvalid as error:
        raise OSError(f"{path} is no Parquet file: {error}") from error


def _cells(one: Link) -> dict[str, object]:
    row = msgspec.json.decode(one.text)
    flags, error = row.get("flags"), row.get("error")
    return {
        **{name: row.get(name) for name in ("path", "scan_sha256", "label", "probability")},
        "flags": None if flags is None else [flag["name"] for flag in flags],
        "error": error and error["message"],
        "record": one.text,
        "hash": one.hash,
    }
