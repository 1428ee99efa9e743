/** A report can be printed. */

document.getElementById("print").addEventListener("click", () => print());
