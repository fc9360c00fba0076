"""Outputs: the chronology in the formats that others read, all made from one table.

    table       the rows and the footer that every output is made from
    sources     the documents that stand behind each row
    due         the deadlines that a clock gives
    layout      what a printed chronology has on it, the same in Word and in PDF
    docx        Word
    typeset     text broken into lines
    paper       pages: text, tables, numbers, bookmarks, links
    pdf         PDF
    foreign     other people's files, made harmless
    documents   what is shown of a file
    bundle      the bundle for a court
    bundle_lint a court's rules, held against any PDF
    printed     the formats that need the extra `outputs`

Each format is a module of its own, a pure function from a `Table` to octets: the same table gives
the same octets, whoever makes it and wherever. What takes long tells how far it is.
"""
