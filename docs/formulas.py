"""A Sphinx extension: formulas on their own line stand between paragraphs, and a full stop stays with its formula."""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

AFTER = re.compile(r"[.,;:!?)\]’]\S*")  # what follows a formula without a space


class Formulas(SphinxTransform):
    """Divides paragraphs at formulas, and ties to a formula what follows it without a space."""

    default_priority = 520  # after the links to the glossary and the captions

    def apply(self, **kwargs):
        """Change the page in place."""
        for formula in list(self.document.findall(nodes.math)):
            tie(formula)
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if any(isinstance(child, nodes.math_block) for child in paragraph.children):
                paragraph.replace_self(divided(paragraph))


def tie(formula):
    """Put a formula into one unbreakable piece with the mark that follows it."""
    after = formula.next_node(siblings=True, descend=False)
    found = AFTER.match(after.astext()) if isinstance(after, nodes.Text) else None
    if not found:
        return
    rest = after.astext()[found.end() :]
    after.parent.replace(after, [nodes.Text(rest)] if rest else [])
    formula.replace_self(nodes.inline("", "", formula.deepcopy(), nodes.Text(found[0]), classes=["tied"]))


def divided(paragraph):
    """Return the paragraphs and formulas that a paragraph consists of: HTML knows no formula inside of one."""
    parts, words = [], []
    for child in [*paragraph.children, None]:
        if isinstance(child, nodes.math_block) or child is None:
            if any(word.astext().strip() for word in words):
                parts.append(nodes.paragraph("", "", *words, classes=paragraph["classes"]))
            parts += [child] if child is not None else []
            words = []
        else:
            words.append(child)
    return parts


def setup(app):
    """Register with Sphinx."""
    app.add_transform(Formulas)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
