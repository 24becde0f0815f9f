// What the theme leaves out for those who do not use a pointer or do not see the page.

// Formulas and pictures that are wider than the page can be scrolled by the keyboard; the theme does the same for code
// and tables.
function letKeysScroll() {
  const boxes = ".bd-article div.math, .bd-article mjx-container, .bd-article p:has(> img)";
  for (const box of document.querySelectorAll(boxes)) {
    const scrolls = getComputedStyle(box).overflowX === "auto" && box.scrollWidth > box.clientWidth;
    if (scrolls) {
      box.tabIndex = 0;
    } else {
      box.removeAttribute("tabindex");
    }
  }
}

// Names for screen readers.
function nameParts() {
  for (const named of document.querySelectorAll(".search-button-field, .bd-article summary")) {
    named.removeAttribute("aria-label"); // its text is its name
  }
  for (const summary of document.querySelectorAll(".bd-sidebar-primary summary")) {
    const chapter = summary.closest("li").querySelector("a").textContent.trim();
    summary.setAttribute("aria-label", `Pages of ${chapter}`);
  }
  for (const part of document.querySelectorAll(".sig dl, .sig dl > dd")) {
    part.setAttribute("role", "none"); // arguments on lines of their own are no list of definitions
  }
}

document.addEventListener("DOMContentLoaded", nameParts);
window.addEventListener("load", letKeysScroll);
window.addEventListener("resize", letKeysScroll);
