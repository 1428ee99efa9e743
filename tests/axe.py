"""What axe finds on a page against WCAG; a page loads it first from our npm packages."""

VIOLATIONS = """
async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 120)}`);
}
"""
