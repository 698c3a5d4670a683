"""How Sphinx builds these pages: ``make docs``. It needs no network; every warning is an error."""

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

# ---- the API: docstrings in Google's style --------------------------------------------------

# A name in single backticks is a reference wherever there is something to refer to.
default_role = "py:obj"
# Types of ours in a signature have to be described; what others define is only named.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!sealwire\.).*")]
nitpick_ignore = [
    # Names for bytes that say what stands in them.
    ("py:class", "sealwire.stages.Digest"),
    ("py:class", "sealwire.stages.KeyId"),
    # What only a layer or an admission of one's own would look into.
    ("py:class", "sealwire.cose.Shape"),
    ("py:class", "sealwire.keysource.K_co"),
    ("py:class", "sealwire.replay.NonceWindow"),
    ("py:class", "sealwire.versions.Taken"),
    # A type variable.
    ("py:class", "sealwire.recording.options.Key"),
]

autoclass_content = "both"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
