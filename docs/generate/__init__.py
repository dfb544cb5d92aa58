"""The pages of docs/reference and docs/zh-CN/reference, written from the code.

`python -m docs.generate` (`make docs`) writes them; tests/test_docs_reference.py compares.

In: tables, settings, options, codes, errors and the check's texts, as the package declares them.
Out: Markdown. What a thing means is said beside its code, in English; `zh-CN.toml` says it in
Chinese. Refuses to know more than it finds there.

    __main__    writes
    pages       which pages there are
    tables diagram settings errors checks    one page each
    words       English or Chinese
    markdown    cells, links
"""
