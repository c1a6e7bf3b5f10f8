import FreshetModel
import Testing

@Suite struct HTMLTests {
  @Test func headingsParagraphsAndMarks() throws {
    let page = try html(
      """
      <html lang="en"><head><title>Guide — Site</title><meta name="description" content="What  it is"></head>
      <body><h1>Guide</h1><p>One <b>bold</b>, <em>soft</em> and <code>x = `y`</code> word<br>next line.</p>
      <h2>Part <a href="#part">¶</a></h2><p>See <a href="keys.html">the keys</a>, <a href="javascript:x()">no</a>,
      <a href="#top">top</a>.</p></body></html>
      """
    )
    #expect(
      page.outline == [
        "heading 1: # Guide",
        "paragraph: One **bold**, *soft* and `` x = `y` `` word\nnext line.",
        "heading 2: ## Part ¶",
        "paragraph: See [the keys](keys.html), no, top.",
      ]
    )
    #expect(page.title == "Guide")
    #expect(page.metadata == ["description": "What it is", "language": "en"])
  }

  @Test func listsNestAndEachOuterItemIsABlock() throws {
    let page = try html(
      "<ul><li>one<li><p>two</p><ol start=3><li>three<li>four</ol><p>after</p></ul><ol><li><pre>a\n  b</pre></ol>"
    )
    #expect(
      page.outline == [
        "listItem: - one",
        "listItem: - two\n  3. three\n  4. four\n\n  after",
        "listItem: 1. ```\n   a\n     b\n   ```",
      ]
    )
  }

  @Test func tablesOfDataBecomeTables() throws {
    let page = try html(
      """
      <table><caption>Ports</caption><thead><tr><th>Name<th>Port</thead><tbody>
      <tr><td rowspan=2>web<td>80 <tr><td>443 | tls<tr><td colspan=2>none</table>
      """
    )
    #expect(
      page.outline == [
        "paragraph: Ports",
        "table: | Name | Port |\n| --- | --- |\n| web | 80 |\n| web | 443 \\| tls |\n| none | |",
      ]
    )
  }

  @Test func tablesThatLayOutAPageBecomeText() throws {
    let page = try html(
      "<table><tr><td><h1>Left</h1><p>One.</td><td><table><tr><td>in<td>ner</table></td></tr></table>"
    )
    #expect(page.outline == ["heading 1: # Left", "paragraph: One.", "table: | | |\n| --- | --- |\n| in | ner |"])
  }

  @Test func codeKeepsItsLinesAndLanguage() throws {
    let page = try html(
      """
      <div class="highlight-python3 notranslate"><div class="highlight"><pre><span></span><span>def</span> f():
          return 1
      </pre></div></div><pre><code class="language-c">int x; // ```
      </code></pre>
      """
    )
    #expect(
      page.outline == [
        "code: ```python3\ndef f():\n    return 1\n```",
        "code: ````c\nint x; // ```\n````",
      ]
    )
  }

  @Test func definitionsFollowTheirTerms() throws {
    let page = try html("<dl><dt>key</dt><dd><p>What opens.</p><p>More.</p></dd><dt>lock<dd>What <i>closes</i>.</dl>")
    #expect(
      page.outline == [
        "paragraph: **key**\nWhat opens.", "paragraph: More.", "paragraph: **lock**\nWhat *closes*.",
      ]
    )
  }

  @Test func quotesAndRulesAndImages() throws {
    let page = try html("<blockquote><p>Said.</p><ul><li>so</ul></blockquote><hr><p><img src=x alt='A picture'> here")
    #expect(page.outline == ["quote: > Said.\n> - so", "paragraph: A picture here"])
  }

  @Test func whatIsNotTextIsLeftOut() throws {
    let page = try html(
      """
      <body><header><a href=/>Site</a></header><nav>menu menu</nav><script>var a = "<p>x"</script><style>p{}</style>
      <p>Text.</p><p hidden>h1</p><p style="DISPLAY : none">h2</p><p aria-hidden=true>h3</p><form><input>Search</form>
      <svg><text>drawing</text></svg><aside>related</aside><footer>© us</footer></body>
      """
    )
    #expect(page.outline == ["paragraph: Text."])
  }

  @Test func sphinxPagesGiveTheirBody() throws {
    let page = try html(
      """
      <div class="related" role="navigation"><ul><li><a href="a">next</a></ul></div>
      <div class="document"><div class="documentwrapper"><div class="bodywrapper"><div class="body" role="main">
      <section id="x"><h1>Title<a class="headerlink" href="#x">¶</a></h1><p>Short.</p></section></div></div></div>
      <div class="sphinxsidebar" role="navigation"><p>Table of contents</p></div></div><div class="footer">© x</div>
      """
    )
    #expect(page.outline == ["heading 1: # Title", "paragraph: Short."])
  }

  @Test func aHeadingBesideTheContentIsKept() throws {
    let page = try html(
      """
      <body class="manpage"><div id="header"><h1>git-x(1) Manual Page</h1><h2>NAME</h2><p>git-x - Does x</p></div>
      <div id="content"><div class="sect1"><h2>SYNOPSIS</h2><p>\(String(repeating: "word ", count: 100))</p></div></div>
      <div id="footer">Last updated</div></body>
      """
    )
    #expect(
      page.outline.prefix(4).map { String($0.prefix(34)) } == [
        "heading 1: # git-x(1) Manual Page", "heading 2: ## NAME", "paragraph: git-x - Does x",
        "heading 2: ## SYNOPSIS",
      ]
    )
    #expect(!page.text.contains("Last updated"))
  }

  @Test func aPageThatIsAllNavigationIsNotLost() throws {
    let page = try html("<nav><ul><li><a href=a>Alpha</a><li><a href=b>Beta</a></ul></nav>")
    #expect(page.outline == ["listItem: - [Alpha](a)", "listItem: - [Beta](b)"])
  }

  @Test func marksInTextAreEscaped() throws {
    let page = try html("<p>1. a *b* __init__ my_name &lt;tag&gt; a < b</p><p># no<p>- no")
    #expect(
      page.outline == [
        "paragraph: 1\\. a \\*b\\* \\_\\_init\\_\\_ my_name \\<tag> a < b", "paragraph: \\# no", "paragraph: \\- no",
      ]
    )
  }

  @Test func pagesWithoutTextAreRefused() {
    for page in ["", "<html></html>", "<p>&nbsp;<br>", "<script>x</script>"] {
      #expect { try html(page) } throws: { ($0 as? FreshetError)?.code == .noText }
    }
  }

  @Test func deepNestingIsRefused() {
    for element in ["<div>", "<ul><li>", "<b>", "<blockquote>"] {
      #expect { try html(String(repeating: element, count: 1_000_000) + "x") } throws: {
        ($0 as? FreshetError)?.code == .tooComplex
      }
    }
  }
}
