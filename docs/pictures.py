"""A Sphinx extension: marks captions, and gives outputs that no author described a word that says what they are."""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

CAPTION = re.compile(r"Figure \d+\. ")


class Captions(SphinxTransform):
    """Marks paragraphs that are the caption of the picture above, and fills in missing alternative texts."""

    default_priority = 510

    def apply(self, **kwargs):
        """Change the page in place."""
        for paragraph in self.document.findall(nodes.paragraph):
            only = paragraph.children[0] if len(paragraph.children) == 1 else None
            if isinstance(only, nodes.emphasis) and CAPTION.match(only.astext()):
                paragraph["classes"].append("figure-caption")
        for image in self.document.findall(nodes.image):
            if not image.get("alt"):
                image["alt"] = "A picture that the code above shows."


def setup(app):
    """Register with Sphinx."""
    app.add_transform(Captions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
