"""A Sphinx extension: links the first use of each term of the glossary in a lesson to the glossary.

Words in code, formulas, links, headings and outputs stay as they are. What the glossary says is shown when the pointer
rests on a word.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

# What stands in a text for a term, where that is not the term itself or its plural: "code" alone is mostly Python's.
PATTERNS = {
    "code": r"codes\b(?! of)|latent codes?|code(?= of (?:a|the|each|every|one|this) (?:\w+ )?face)",
    "nats": r"nats?",
    "direction": r"(?:attribute|latent|random)('s)? directions?",
    "KL divergence": r"Kullback[–-]Leibler divergence|KL divergence|KL",
    "Fréchet distance": r"Fréchet distances?",
    "variational autoencoder": r"variational autoencoders?|VAEs?",
    "PCA": r"PCA|principal component analysis",
    "ELBO": r"ELBO|evidence lower bound",
    "log-variance": r"log[- ]variances?",
    "normal distribution": r"normal distributions?|Gaussians?|N\(0, ?I\)",
    "interpolation": r"interpolat(?:ion|e|es|ing)",
    "temperature": r"temperatures?",
    "reparameterization": r"reparame?tri[sz]ation(?: trick)?|reparameteri[sz]ation(?: trick)?",
    "whitening": r"whiten(?:ed|ing|s)?",
    "silent dimension": r"silent (?:latent )?(?:dimensions?|variables?)",
    # of Gaussians alone, not of faces; a formula may say of how many
    "mixture": r"mixtures?(?= of (?:\w+ )?Gaussians| of $)",
    "diffusion": r"diffusion(?: models?)?",
    "likelihood": r"(?:log-)?likelihoods?",
}
LEAVE = (
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.reference,
    nodes.title,
    nodes.raw,
    addnodes.pending_xref,
    addnodes.download_reference,
)


def glossary(env):
    """Return the terms of the site's glossary."""
    return terms(Path(env.doc2path("glossary")).read_text(encoding="utf-8"))


def terms(text):
    """Return the terms of the glossary, from its source: lines without indent between the directive's marks."""
    found, inside = {}, False
    for line in text.splitlines():
        if line.startswith(":::"):
            inside = "{glossary}" in line
        elif inside and re.match(r"\S", line):
            term, found[line.strip()] = line.strip(), ""
        elif inside and line.strip():
            found[term] = f"{found[term]} {line.strip()}".strip()
    return found


def pattern(term):
    """Return a pattern for a term: capitals count in what is written in capitals alone."""
    words = PATTERNS.get(term, re.escape(term) + "s?")
    return words if re.search("[A-Z]{2}", words) else f"(?i:{words})"


class FirstUses(SphinxTransform):
    """Puts a link in the place of each first use."""

    default_priority = 500

    def apply(self, **kwargs):
        """Walk through the text of a lesson, in order."""
        if not re.match(r"lessons/\d", self.env.docname):
            return
        left = glossary(self.env)
        for text in list(self.document.findall(nodes.Text)):
            if is_prose(text):
                parts = split(text.astext(), left)
                if len(parts) > 1 or not isinstance(parts[0], nodes.Text):
                    text.parent.replace(text, parts)


def is_prose(text):
    """Return whether words stand in a paragraph, a list or a table, and not in code, links, headings or outputs."""
    node = text.parent
    while node is not None and not isinstance(node, nodes.document):
        if isinstance(node, LEAVE) or {"cell_input", "cell_output"} & set(node["classes"]):
            return False
        node = node.parent
    return True


def split(text, left):
    """Return the nodes for a text; terms that it uses first are taken out of `left`."""
    parts = []
    while left:
        longest = sorted(left, key=len, reverse=True)
        words = "|".join(f"(?P<t{i}>{pattern(term)})" for i, term in enumerate(longest))
        found = re.search(rf"(?<![\w\-/])(?:{words})(?![\w\-])", text)
        if not found:
            break
        term = longest[int(found.lastgroup[1:])]
        parts += [nodes.Text(text[: found.start()])] if found.start() else []
        parts.append(link(term, found[0], left.pop(term)))
        text = text[found.end() :]
    return parts + ([nodes.Text(text)] if text or not parts else [])


def link(term, words, definition):
    """Return a reference to a term of the glossary."""
    reference = addnodes.pending_xref(
        "", refdomain="std", reftype="term", reftarget=term, refexplicit=True, refwarn=True
    )
    reference += nodes.inline("", words, classes=["std", "std-term"])
    reference["definition"] = definition
    return reference


def show_definitions(app, doctree, docname):
    """Say what a term means where the pointer rests on its link."""
    if not re.match(r"lessons/\d", docname):
        return
    said = glossary(app.env)
    by_anchor = {nodes.make_id(term): text for term, text in said.items()}
    for reference in doctree.findall(nodes.reference):
        _, mark, term = reference.get("refuri", "").partition("glossary.html#term-")
        if mark:
            reference["reftitle"] = plain(by_anchor.get(term.lower(), ""))


def plain(text):
    """Return a definition without its marks."""
    text = re.sub(r"\{term\}`([^`<]+?)(?: <[^>]*>)?`", r"\1", text)
    return re.sub(r"[`*$]", "", text)


def setup(app):
    """Register with Sphinx."""
    app.add_transform(FirstUses)
    app.connect("doctree-resolved", show_definitions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
