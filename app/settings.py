"""Every environment value, read and checked once; nothing else reads the environment."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of the service; each can be set as `METRICBERT_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="METRICBERT_", populate_by_name=True)

    checkpoint: Path = Field(
        Path("checkpoints/metricbert-games"), description="checkpoint folder of the encoder"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="of the encoder; bfloat16 halves the time of an import on processors that "
        "have it, and embeds the catalogue anew",
    )
    data_dir: Path = Field(
        Path("var"), description="folder for the index files and the SQLite database"
    )
    database_url: str = Field(
        "",
        validation_alias=AliasChoices("DATABASE_URL", "METRICBERT_DATABASE_URL"),
        description="PostgreSQL URL (`DATABASE_URL` works too); empty: SQLite in the data folder",
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=1, le=65535, description="port to listen on")
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="largest JSON request body")
    max_upload_bytes: int = Field(
        16_000_000, ge=1_000, description="largest file sent to /v1/imports"
    )
    max_upload_rows: int = Field(
        2_000, ge=1, description="most rows in such a file; `metricbert import` has no bound"
    )
    encoder_queue: int = Field(
        32, ge=1, description="encode calls that may wait; beyond it the answer is 429"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe log lines that are written"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="form of the log lines; auto: text on a terminal, else JSON"
    )
