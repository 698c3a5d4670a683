"""How Sphinx builds these pages: ``make docs``. No network is used, and every warning is an error."""

import sealwire

project = "sealwire"
author = "The sealwire authors"
project_copyright = "the sealwire authors"
version = release = sealwire.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_title = f"sealwire {release}"
html_show_sphinx = False
html_copy_source = False

# ---- pages: Markdown ------------------------------------------------------------------------

# A link such as messages.md#exit-codes names a heading, and is checked.
myst_heading_anchors = 3

# ---- the API: docstrings, in Google's style -------------------------------------------------

# A name in single backticks is a reference wherever there is something to refer to.
default_role = "py:obj"
nitpicky = True
# What another package or a lower floor defines is named on these pages and not described there.
nitpick_ignore_regex = [
    ("py:(class|obj|exc|func|meth|data)", r"(?!sealwire\.).*"),
]

autoclass_content = "both"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_rtype = False
