"""Other people's files, made harmless: pages and pictures in, pages that show and do nothing out.

A document that is put in evidence was made by somebody else, who may wish a reader ill. So it is
read in a process of its own, with little time and memory, and only what it shows is kept: what
stands on each page is copied as a drawing (PDF: form XObject), filled-in forms and marks become
part of the drawing, and scripts, actions, attachments, links, forms and metadata stay behind. What
cannot be made harmless is refused with the reason, which is then printed in its place.

This says nothing about what a file means, and does not look for words.

    python -m ledger.outputs.foreign pdf|image FILE OUT

writes a PDF to OUT and one JSON object to standard output: the size of each page, or `refused`.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["IMAGES", "PDF", "Harmless", "Refused", "make_harmless"]

PDF: Final = "application/pdf"
IMAGES: Final = {
    "image/bmp": ("BMP",),
    "image/gif": ("GIF",),
    "image/jpeg": ("JPEG",),
    "image/png": ("PNG",),
    "image/tiff": ("TIFF",),
    "image/webp": ("WEBP",),
}

_MAX_OCTETS: Final = 256 << 20
_MAX_PAGES: Final = 2_000
_MAX_FRAMES: Final = 200
_MAX_PIXELS: Final = 100_000_000
_MAX_SIDE: Final = 5_000.0  # points: more than the longer side of A0
_MIN_SIDE: Final = 10.0
_CPU_S: Final = 30
_WALL_S: Final = 180
_MEMORY: Final = 3 << 29
_WRITTEN: Final = 1 << 30
_DPI: Final = 300
_INCH: Final = 72


class Harmless(msgspec.Struct, frozen=True, tag=True):
    """What became of a file: a PDF with pages of these sizes, in points."""

    pages: tuple[tuple[float, float], ...]


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Why a file is not shown."""

    refused: str


def make_harmless(path: Path, out: Path, *, media_type: str) -> Harmless | Refused:
    """Make a PDF or a picture harmless, in a process that is stopped when it takes too much.

    Args:
        path: The file.
        out: Where to write the PDF.
        media_type: What the file is said to be.
    """
    if path.stat().st_size > _MAX_OCTETS:
        return Refused(f"it is larger than {_MAX_OCTETS >> 20} MiB")
    kind = "pdf" if media_type == PDF else "image"
    # -P: what lies in the folder that somebody works in is no module of ours.
    command = [
        sys.executable,
        "-P",
        "-m",
        __name__,
        kind,
        str(path.absolute()),
        str(out.absolute()),
    ]
    try:
        done = subprocess.run(  # noqa: S603 (our own module, by its name)
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_WALL_S,
        )
    except subprocess.TimeoutExpired:
        return Refused("it takes too long to read")
    if done.returncode:
        return Refused("it cannot be read within the time and memory that one file may take")
    return msgspec.json.decode(done.stdout, type=Harmless | Refused)


# In the process of its own


class _RefusedError(Exception):
    """The file is not shown; the message says why."""


def _main(kind: str, path: Path, out: Path) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_WRITTEN, _WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pages = _copy_pdf(path, out) if kind == "pdf" else _place_images(path, out)
        answer: Harmless | Refused = Harmless(tuple(pages))
    except _RefusedError as refused:
        answer = Refused(str(refused))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


# PDF


def _copy_pdf(path: Path, out: Path) -> list[tuple[float, float]]:
    import pikepdf  # noqa: PLC0415 (only in the process that has its limits)

    try:
        with pikepdf.open(path) as pdf, pikepdf.new() as kept:
            _check_pdf(pdf)
            pdf.generate_appearance_streams()
            pdf.flatten_annotations("all")
            sizes = [_copy_page(pikepdf, pdf, number, kept) for number in range(len(pdf.pages))]
            _strip(pikepdf, kept)
            kept.save(out, deterministic_id=True)
    except pikepdf.PasswordError:
        raise _RefusedError("it is encrypted, and asks for a password") from None
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError, RuntimeError):
        raise _RefusedError("it is no PDF that can be read") from None
    return sizes


def _check_pdf(pdf: Any) -> None:  # noqa: ANN401 (pikepdf is not loaded outside)
    if pdf.is_encrypted:
        raise _RefusedError("it is encrypted")
    for count in (int(pdf.Root.Pages.get("/Count", 0)), len(pdf.pages)):  # what it says, and has
        if count > _MAX_PAGES:
            raise _RefusedError(f"it has {count} pages, and no more than {_MAX_PAGES} fit")
    if not len(pdf.pages):
        raise _RefusedError("it has no page")
    if "/XFA" in pdf.Root.get("/AcroForm", {}):
        raise _RefusedError("it is a form that only its own program can show (XFA)")


def _copy_page(pikepdf: Any, pdf: Any, number: int, kept: Any) -> tuple[float, float]:  # noqa: ANN401
    page = pdf.pages[number]
    box = [float(each) for each in page.cropbox]
    unit = float(page.obj.get("/UserUnit", 1))
    turned = int(page.obj.get("/Rotate", 0)) % 180 != 0
    width, height = abs(box[2] - box[0]) * unit, abs(box[3] - box[1]) * unit
    if turned:
        width, height = height, width
    if not (_MIN_SIDE <= width <= _MAX_SIDE and _MIN_SIDE <= height <= _MAX_SIDE):
        raise _RefusedError(f"its page {number + 1} measures {width:.0f} by {height:.0f} points")
    page.obj.TrimBox = page.cropbox  # what a reader sees, and a form XObject is cut to
    drawing = kept.copy_foreign(pdf.make_indirect(page.as_form_xobject()))
    new = kept.add_blank_page(page_size=(width, height))
    name = new.add_resource(drawing, pikepdf.Name.XObject, pikepdf.Name.Page)
    rect = pikepdf.Rectangle(0, 0, width, height)
    content = new.calc_form_xobject_placement(drawing, name, rect, allow_expand=True)
    new.obj.Contents = kept.make_stream(content)
    return width, height


_ACTIVE: Final = (
    *("/A", "/AA", "/AF", "/AcroForm", "/Alternates", "/Annots", "/EF", "/EmbeddedFiles"),
    *("/JS", "/JavaScript", "/Metadata", "/Names", "/OPI", "/OpenAction", "/PieceInfo", "/RF"),
    *("/Ref", "/StructParent", "/StructParents", "/URI", "/XFA"),
)


def _strip(pikepdf: Any, pdf: Any) -> None:  # noqa: ANN401 (as above)
    """Take out what acts, what is attached and what leads elsewhere, wherever it is.

    Raises:
        _RefusedError: Something that is shown lies in another file.
    """
    for each in pdf.objects:
        _strip_one(pikepdf, each, 0)


def _strip_one(pikepdf: Any, each: Any, depth: int) -> None:  # noqa: ANN401
    if depth > _MAX_DEPTH:
        raise _RefusedError("its parts are nested too deeply")
    if isinstance(each, pikepdf.Stream) and "/F" in each:
        raise _RefusedError("a part of what it shows lies in another file")
    if isinstance(each, pikepdf.Array):
        parts = [part for part in each if isinstance(part, (pikepdf.Array, pikepdf.Dictionary))]
    elif isinstance(each, (pikepdf.Dictionary, pikepdf.Stream)):
        if each.get("/Subtype") == "/PS":
            raise _RefusedError("a part of it is a program (PostScript)")
        for key in _ACTIVE:
            if key in each:
                del each[key]
        parts = [part for _, part in each.items()]
    else:
        return
    for part in parts:
        if isinstance(part, pikepdf.Object) and not part.is_indirect:
            _strip_one(pikepdf, part, depth + 1)


_MAX_DEPTH: Final = 64


# Pictures


def _place_images(path: Path, out: Path) -> list[tuple[float, float]]:
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 (as pikepdf)
    from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415 (as pikepdf)

    Image.MAX_IMAGE_PIXELS = None  # counted here, before anything is unpacked
    formats = [name for names in IMAGES.values() for name in names]
    sizes = []
    try:
        canvas = Canvas(str(out), invariant=1)
        with Image.open(path, formats=formats) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > _MAX_FRAMES:
                raise _RefusedError(f"it has {frames} pictures, and no more than {_MAX_FRAMES} fit")
            for number in range(frames):
                image.seek(number)
                if image.width * image.height > _MAX_PIXELS:
                    raise _RefusedError(f"it measures {image.width} by {image.height} pixels")
                sizes.append(_draw_image(canvas, ImageOps.exif_transpose(image)))
        canvas.save()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, TypeError):
        raise _RefusedError("it is no picture that can be read") from None
    return sizes


def _draw_image(canvas: Any, image: Image) -> tuple[float, float]:  # noqa: ANN401
    """Place a picture on a page of A4, upright or across, at no more than 300 dots an inch."""
    from PIL import Image as Images  # noqa: PLC0415 (as pikepdf)
    from reportlab.lib.utils import ImageReader  # noqa: PLC0415 (as pikepdf)

    short, long, margin = 595.28, 841.89, 42.5
    width, height = (long, short) if image.width > image.height else (short, long)
    scale = min((width - 2 * margin) / image.width, (height - 2 * margin) / image.height)
    scale = min(scale, 1.0)  # a pixel is never shown larger than a point
    w, h = image.width * scale, image.height * scale
    most = _DPI / _INCH
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        ground = Images.new("RGBA", image.size, "white")
        ground.alpha_composite(image.convert("RGBA"))
        image = ground
    image = image.convert("L" if image.mode in {"1", "L"} else "RGB")
    if image.width > w * most:
        image = image.resize(
            (max(1, int(w * most)), max(1, int(h * most))), Images.Resampling.LANCZOS
        )
    canvas.setPageSize((width, height))
    canvas.drawImage(ImageReader(image), (width - w) / 2, (height - h) / 2, w, h)
    canvas.showPage()
    return width, height


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
