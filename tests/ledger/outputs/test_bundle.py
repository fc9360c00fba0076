"""The court's bundle: documents of every kind, put in, numbered, linked, and made harmless."""

from __future__ import annotations

import hashlib
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

from ledger.outputs.bundle import bundle_of, documents_of
from ledger.outputs.documents import show
from ledger.outputs.foreign import PDF, Harmless, Refused, make_harmless
from ledger.outputs.sources import Source
from ledger.outputs.table import Table
from ledger.progress import nobody
from tests.ledger.outputs.test_table import founding_table

A4 = (595.0, 842.0)
MAIL = (
    "From: Zo\u00eb <zoe@rutland.example>\r\nTo: clerk@county.example\r\n"
    "Subject: =?utf-8?q?D=C5=B5r_and_land?=\r\nDate: Tue, 8 Apr 2025 10:00:00 +0100\r\n"
    "Message-ID: <1@rutland.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "Dear clerk,\r\n\r\nPlease send the data.\r\n"
).encode()

MAIL_TYPE = "message/rfc822"

File = tuple[str, str, bytes]


def pdf(sizes: Sequence[tuple[float, float]] = (A4,), *, words: str = "A letter") -> bytes:
    data = io.BytesIO()
    canvas = Canvas(data, invariant=1)
    for number, size in enumerate(sizes, start=1):
        canvas.setPageSize(size)
        canvas.drawString(10, size[1] - 30, f"{words}, its page {number}")
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def hostile_pdf() -> bytes:
    """A PDF with a filled-in field, and everything that acts or hides."""
    data = io.BytesIO()
    canvas = Canvas(data, invariant=1)
    canvas.drawString(60, 700, "What is shown")
    canvas.acroForm.textfield(name="field", x=60, y=500, width=200, height=30, value="Filled in")
    canvas.linkURL("https://evil.example/", (60, 60, 200, 90))
    canvas.showPage()
    canvas.save()
    written = io.BytesIO()
    with pikepdf.open(data) as made:
        script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        made.Root.OpenAction = script
        made.Root.AA = pikepdf.Dictionary(WC=script)
        made.Root.Names = pikepdf.Dictionary(
            JavaScript=pikepdf.Dictionary(Names=pikepdf.Array(["a", script]))
        )
        made.attachments["virus.exe"] = b"attached"
        page = made.pages[0]
        page.obj.AA = pikepdf.Dictionary(O=script)
        launch = pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe")
        page.obj.Annots.append(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Link,
                Rect=[0, 0, 9, 9],
                A=launch,
            )
        )
        page.obj.Resources.PieceInfo = pikepdf.Dictionary(Hidden=made.make_stream(b"hidden"))
        made.save(written)
    return written.getvalue()


def picture(size: tuple[int, int] = (60, 40), kind: str = "PNG", **more: Any) -> bytes:  # noqa: ANN401
    data = io.BytesIO()
    Image.new("RGB", size, "red").save(data, kind, **more)
    return data.getvalue()


def table_with(files: Sequence[File], folder: Path) -> Table:
    """The founding case with files behind its first rows, which are put into a folder."""
    table = founding_table()
    rows = list(table.rows)
    for number, (name, media_type, data) in enumerate(files):
        digest = hashlib.sha256(data).hexdigest()
        (folder / digest).write_bytes(data)
        source = Source(
            seq=rows[number].seq,
            ref=rows[number].ref,
            name=name,
            locator=None,
            media_type=media_type,
            size=len(data),
            sha256=digest,
        )
        rows[number] = replace(rows[number], sources=(source,))
    return replace(table, rows=tuple(rows))


def bundled(files: Sequence[File], folder: Path) -> bytes:
    def path_of(sha256: str) -> Path | None:
        path = folder / sha256
        return path if path.exists() else None

    return bundle_of(table_with(files, folder), path_of, nobody)


def texts(data: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


ALL: tuple[File, ...] = (
    ("letter.pdf", PDF, pdf((A4, A4))),
    ("plan.pdf", PDF, pdf(((1684, 1190), (120, 200)), words="A plan")),
    ("photo.png", "image/png", picture((900, 600))),
    ("mail.eml", MAIL_TYPE, MAIL),
    ("note.txt", "text/plain; charset=utf-8", "Tŷ\n  two  spaces\n".encode()),
    ("data.xlsx", "application/vnd.ms-excel", b"PK"),
)


@pytest.fixture(scope="module", name="bundle")
def _bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return bundled(ALL, tmp_path_factory.mktemp("files"))


def test_begins_with_an_index_of_links_and_numbers_every_page(bundle: bytes) -> None:
    reader = PdfReader(io.BytesIO(bundle))
    pages = [page.extract_text() for page in reader.pages]
    index: Any = reader.pages[0]
    numbers = {page.indirect_reference: n for n, page in enumerate(reader.pages, start=1)}
    linked = [numbers[each.get_object()["/Dest"][0]] for each in index["/Annots"]]

    assert pages[0].startswith("Index")
    for number, text in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in text
    assert len(ALL) + 1 == len(linked)
    for number, (name, _, _) in zip(linked[1:], ALL, strict=True):
        assert f"page {number}" in pages[0]
        assert name in pages[number - 1]


def test_bookmarks_every_document_with_its_page(bundle: bytes) -> None:
    reader = PdfReader(io.BytesIO(bundle))
    outline: Any = [each for each in reader.outline if not isinstance(each, list)]

    assert ["Index", "Chronology", *(f"{n}. {each[0]}" for n, each in enumerate(ALL, start=1))] == [
        each.title.rpartition(" (page ")[0] for each in outline
    ]
    for each in outline:
        page = reader.get_destination_page_number(each)
        assert each.title.endswith(f" (page {(page or 0) + 1})")


def test_the_chronology_links_its_sources_to_their_pages(bundle: bytes) -> None:
    reader = PdfReader(io.BytesIO(bundle))
    page: Any = reader.pages[1]
    numbers = {page.indirect_reference: n for n, page in enumerate(reader.pages, start=1)}
    text = page.extract_text()
    linked = [numbers[each.get_object()["/Dest"][0]] for each in page["/Annots"]]

    assert linked
    for number in linked:
        assert f"[page {number}]" in text


def test_shows_each_document_with_its_hash_and_event(bundle: bytes) -> None:
    pages = texts(bundle)
    for name, _, data in ALL:
        page = next(text for text in pages[1:] if name in text and "SHA-256" in text)
        assert hashlib.sha256(data).hexdigest() in page.replace("\n", "")
        assert "event" in page
    text = "\n".join(pages)
    for shown in ("A letter, its page 2", "Subject: Dŵr and land", "Please send the data.", "Tŷ"):
        assert shown in text
    assert "files of this kind (application/vnd.ms-excel) cannot be printed safely" in text


def test_a_page_stands_whole_and_upright_above_its_strip(bundle: bytes) -> None:
    document = pypdfium2.PdfDocument(bundle)
    number = next(n for n, text in enumerate(texts(bundle)) if "A plan, its page 1" in text)
    page = document[number]

    assert (1684, 1190 + 40) == (page.get_width(), page.get_height())
    left, bottom, *_ = page.get_textpage().get_charbox(0)
    assert (left > 9, bottom > 1190) == (True, True)


def test_the_same_table_and_files_give_the_same_octets(bundle: bytes, tmp_path: Path) -> None:
    assert bundle == bundled(ALL, tmp_path)


def test_a_file_that_is_not_at_hand_or_another_is_a_slip_sheet(tmp_path: Path) -> None:
    table = table_with(ALL[:2], tmp_path)
    first, second = documents_of(table)
    (tmp_path / first.sha256).write_bytes(b"another")
    there = {first.sha256: tmp_path / first.sha256}
    text = "\n".join(texts(bundle_of(table, there.get, nobody)))

    assert "Why: the file that is kept under its name is another one." in text
    assert "Why: the file is not part of the ledger or export that this was made from." in text
    assert second.name in text


def test_nobody_takes_a_document_out_by_recording_it_again(tmp_path: Path) -> None:
    table = table_with(ALL[:1], tmp_path)
    held, *rest = table.rows
    (source,) = held.sources
    again = [
        replace(source, seq=source.seq + n, ref="0" * 64, name="nothing.txt", media_type=media_type)
        for n, media_type in enumerate(("application/x-nothing", "text/plain"), start=1)
    ]
    # An event that is told to have happened before the one that holds it.
    before = replace(rest[0], sources=tuple(again))
    (document,) = documents_of(replace(table, rows=(before, held)))
    shown = show(document, tmp_path / document.sha256, tmp_path / "out.pdf")

    assert ("letter.pdf", source.seq, source.ref) == (document.name, document.seq, document.ref)
    assert isinstance(shown.content, Harmless)
    late = replace(document, media_type="application/x-nothing", other_types=(PDF, "text/plain"))
    assert isinstance(show(late, tmp_path / late.sha256, tmp_path / "late.pdf").content, Harmless)


@pytest.mark.parametrize(("name", "media_type"), [("a.txt", "text/plain"), ("a.eml", MAIL_TYPE)])
def test_no_word_of_a_long_paragraph_is_cut(tmp_path: Path, name: str, media_type: str) -> None:
    paragraph = " ".join(f"word{number}" for number in range(1_000))
    head = b"" if media_type != MAIL_TYPE else MAIL
    data = bundled([(name, media_type, head + f"\n\n{paragraph}\n".encode())], tmp_path)
    found = " ".join(texts(data)).split()

    assert all(f"word{number}" in found for number in range(1_000))


def test_keeps_what_is_shown_and_nothing_that_acts(tmp_path: Path) -> None:
    data = bundled([("hostile.pdf", PDF, hostile_pdf())], tmp_path)
    text = "\n".join(texts(data))
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as made:
        made.save(written, qdf=True, static_id=True)
    plain = written.getvalue()

    assert "What is shown" in text
    assert "Filled in" in "".join(
        page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(data)
    )
    for word in (
        b"JavaScript",
        b"/JS",
        b"/Launch",
        b"evil.example",
        b"virus",
        b"attached",
        b"hidden",
    ):
        assert word not in plain
    for name in (b"AA", b"EmbeddedFiles", b"AcroForm", b"PieceInfo", b"Widget", b"URI"):
        assert not re.search(rb"/%b\b" % name, plain)


def refused(data: bytes, tmp_path: Path, media_type: str = PDF) -> str:
    path = tmp_path / "file"
    path.write_bytes(data)
    answer = make_harmless(path, tmp_path / "out.pdf", media_type=media_type)
    assert isinstance(answer, Refused)
    return answer.refused


def test_runs_nothing_that_lies_in_the_folder_where_somebody_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pikepdf", "msgspec", "resource"):
        Path(f"{name}.py").write_text("open('ran', 'w').close()\n")
    Path("letter.pdf").write_bytes(pdf())
    made = make_harmless(Path("letter.pdf"), Path("out.pdf"), media_type=PDF)

    assert isinstance(made, Harmless)
    assert not Path("ran").exists()


def test_refuses_an_encrypted_pdf(tmp_path: Path) -> None:
    for user in ("", "secret"):
        written = io.BytesIO()
        with pikepdf.open(io.BytesIO(pdf())) as made:
            made.save(written, encryption=pikepdf.Encryption(owner="owner", user=user))
        assert "it is encrypted" in refused(written.getvalue(), tmp_path)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", pdf()[:300], b"\x00" * 5000])
def test_refuses_a_broken_pdf(data: bytes, tmp_path: Path) -> None:
    assert refused(data, tmp_path) in {"it is no PDF that can be read", "it has no page"}


def test_refuses_too_many_pages_told_or_there(tmp_path: Path) -> None:
    told = (
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 100000/Kids[3 0 R]>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\n"
        b"trailer<</Root 1 0 R>>"
    )
    there = io.BytesIO()
    with pikepdf.new() as made:
        for _ in range(2_001):
            made.add_blank_page()
        made.save(there)

    assert "it has 100000 pages, and no more than 2000 fit" == refused(told, tmp_path)
    assert "it has 2001 pages, and no more than 2000 fit" == refused(there.getvalue(), tmp_path)


def test_a_file_that_unpacks_without_end_is_stopped(tmp_path: Path) -> None:
    bomb = b"0 0 m " * (1 << 24)  # 96 MiB
    for _ in range(3):
        bomb = zlib.compress(bomb, 9)
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as made:
        stream = made.make_stream(b"")
        stream.write(bomb, filter=pikepdf.Array([pikepdf.Name.FlateDecode] * 3))
        made.pages[0].obj.Contents = pikepdf.Array([stream] * 40)
        none = pikepdf.StreamDecodeLevel.none
        made.save(written, compress_streams=False, stream_decode_level=none)

    assert len(written.getvalue()) < 20_000
    assert "within the time and memory" in refused(written.getvalue(), tmp_path)


@pytest.mark.parametrize("size", [(20_000.0, 100.0), (1.0, 500.0)])
def test_refuses_a_page_of_a_monstrous_size(size: tuple[float, float], tmp_path: Path) -> None:
    assert "its page 1 measures" in refused(pdf((size,)), tmp_path)


def test_refuses_what_lies_in_another_file_and_what_is_a_program(tmp_path: Path) -> None:
    found = []
    for key, value in (("/F", "other.bin"), ("/Subtype", pikepdf.Name.PS)):
        written = io.BytesIO()
        with pikepdf.open(io.BytesIO(pdf())) as made:
            drawing = made.make_stream(b"", {"/Type": pikepdf.Name.XObject, key: value})
            made.pages[0].obj.Resources.XObject = pikepdf.Dictionary(X=drawing)
            made.save(written)
        found.append(refused(written.getvalue(), tmp_path))

    assert [
        "a part of what it shows lies in another file",
        "a part of it is a program (PostScript)",
    ] == found


def test_a_picture_of_too_many_pixels_is_refused_unread(tmp_path: Path) -> None:
    data = bytearray(picture((20, 10)))
    data[16:24] = (60_000).to_bytes(4, "big") * 2  # IHDR: width and height
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")

    assert "it measures 60000 by 60000 pixels" in refused(bytes(data), tmp_path, "image/png")
    assert "it is no picture that can be read" == refused(b"GIF89a", tmp_path, "image/gif")


def test_a_picture_is_turned_as_its_camera_said_and_keeps_to_300_dots(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture((4_000, 2_000), "JPEG", exif=exif))
    made = make_harmless(path, tmp_path / "out.pdf", media_type="image/jpeg")

    assert isinstance(made, Harmless)
    ((width, height),) = made.pages
    assert width < height
    (image,) = PdfReader(tmp_path / "out.pdf").pages[0].images
    assert image.image is not None
    assert 300 * (height - 85) / 72 >= image.image.height > image.image.width


def test_every_picture_of_a_tiff_has_its_page(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    more = [Image.new("1", (50, 70)) for _ in range(2)]
    Image.new("1", (50, 70)).save(path, "TIFF", save_all=True, append_images=more)
    made = make_harmless(path, tmp_path / "out.pdf", media_type="image/tiff")

    assert isinstance(made, Harmless)
    assert 3 == len(made.pages)
