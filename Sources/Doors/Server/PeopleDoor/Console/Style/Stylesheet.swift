/// The console's one stylesheet: no fonts, pictures or rules from elsewhere.
enum Stylesheet {
    static let text = colors + base + frame + parts + forms + lists + pictures + pictureLines

    /// Pairs of text and ground have a contrast of at least 4.5 : 1 (WCAG 2.2, 1.4.3), in both schemes.
    private static let colors = """
        :root {
          color-scheme: light dark;
          --ground: #f6f7f9; --card: #ffffff; --sunken: #eef1f5; --line: #dbe0e8; --line-strong: #b4bdca;
          --text: #18202c; --soft: #4a5668; --quiet: #5e6b7e;
          --accent: #1d56a8; --accent-ground: #e6eefa; --on-accent: #ffffff; --accent-strong: #16448a;
          --bad: #b3261e; --bad-ground: #fcebe9; --bad-line: #efc0bb; --good: #17703f; --good-ground: #e5f4ea;
          --warn: #875300; --warn-ground: #fdf2dc; --warn-line: #ecd39c;
          --made: #5b6b82; --shipped: #6d4fc2; --inuse: #17793f; --quarantined: #c03a2b; --intransfer: #96640a;
          --claimable: #0b7285; --retired: #6f6259; --band-text: #ffffff;
          --shadow: 0 1px 2px rgb(20 30 50 / 6%), 0 2px 8px rgb(20 30 50 / 4%);
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #0f141b; --card: #171d26; --sunken: #1e2631; --line: #2a3441; --line-strong: #465366;
            --text: #e7ecf3; --soft: #b6c1cf; --quiet: #97a4b5;
            --accent: #82b3f7; --accent-ground: #1a2c46; --on-accent: #0b1726; --accent-strong: #a9cbfa;
            --bad: #ff9d92; --bad-ground: #38191a; --bad-line: #6d2f2c; --good: #74d49b; --good-ground: #12301f;
            --warn: #f0c069; --warn-ground: #33270f; --warn-line: #5e491b;
            --made: #9badc6; --shipped: #b7a2f5; --inuse: #63cb8c; --quarantined: #ff8d7f; --intransfer: #e8b454;
            --claimable: #54c6da; --retired: #b9aaa0; --band-text: #10151c;
            --shadow: none;
          }
        }
        .stage-made { --stage: var(--made); } .stage-shipped { --stage: var(--shipped); }
        .stage-inuse { --stage: var(--inuse); } .stage-quarantined { --stage: var(--quarantined); }
        .stage-intransfer { --stage: var(--intransfer); } .stage-claimable { --stage: var(--claimable); }
        .stage-retired { --stage: var(--retired); }

        """

    private static let base = """
        *, *::before, *::after { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
        body { margin: 0; background: var(--ground); color: var(--text); line-height: 1.5; font-size: 15px;
          font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", Arial, sans-serif;
          min-height: 100vh; display: flex; flex-direction: column; }
        h1, h2, h3 { line-height: 1.25; margin: 0; font-weight: 600; text-wrap: balance; }
        h1 { font-size: 1.6rem; letter-spacing: -0.01em; overflow-wrap: anywhere; }
        h2 { font-size: 1.08rem; } h3 { font-size: 0.95rem; }
        p { margin: 0 0 0.7rem; max-width: 72ch; } p:last-child { margin-bottom: 0; }
        ul, ol { margin: 0; padding: 0; list-style: none; }
        a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
        a:hover { color: var(--accent-strong); text-decoration-thickness: 2px; }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
        code, pre, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", "Liberation Mono", monospace;
          font-size: 0.87em; }
        code { overflow-wrap: anywhere; }
        pre { margin: 0; padding: 0.8rem 1rem; background: var(--sunken); border: 1px solid var(--line); border-radius: 8px;
          overflow-x: auto; line-height: 1.45; }
        pre.wrapped { white-space: pre-wrap; overflow-wrap: anywhere; }
        .soft { color: var(--soft); } .quiet, .ago { color: var(--quiet); } .ago, time { white-space: nowrap; }
        .number { font-variant-numeric: tabular-nums; }
        .visually-hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden;
          clip-path: inset(50%); white-space: nowrap; }
        .skip { position: absolute; left: -999px; top: 0; background: var(--card); padding: 0.6rem 1rem; z-index: 2; }
        .skip:focus { left: 0.5rem; top: 0.5rem; }

        """

    private static let frame = """
        .masthead { background: var(--card); border-bottom: 1px solid var(--line); }
        .masthead .inner { max-width: 1160px; margin: 0 auto; padding: 0 1.5rem; display: flex; align-items: center;
          gap: 0.4rem 2rem; flex-wrap: wrap; min-height: 3.6rem; }
        .brand { font-weight: 650; color: var(--text); text-decoration: none; display: inline-flex; align-items: center;
          gap: 0.55rem; letter-spacing: -0.01em; font-size: 1.05rem; }
        .brand svg { width: 1.5rem; height: 1.5rem; display: block; } .brand .ring { fill: none; stroke: var(--accent);
          stroke-width: 3; stroke-linecap: round; } .brand .dot { fill: var(--accent); }
        .masthead nav ul { display: flex; gap: 0.25rem; }
        .masthead nav a { display: block; padding: 0.95rem 0.75rem; color: var(--soft); text-decoration: none;
          border-bottom: 2px solid transparent; margin-bottom: -1px; }
        .masthead nav a:hover { color: var(--text); }
        .masthead nav a[aria-current] { color: var(--text); border-bottom-color: var(--accent); font-weight: 600; }
        .who { margin-left: auto; display: flex; align-items: center; gap: 0.9rem; font-size: 0.9rem; min-width: 0; }
        .who .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 16rem; }
        .who .role { color: var(--quiet); }
        main { flex: 1; width: 100%; max-width: 1160px; margin: 0 auto; padding: 2rem 1.5rem 3.5rem; }
        .page-head { display: flex; flex-wrap: wrap; gap: 0.4rem 1rem; align-items: baseline; margin-bottom: 1.5rem; }
        .page-head .lead { flex-basis: 100%; color: var(--soft); margin: 0; max-width: none; }
        .page-head .beside { margin-left: auto; color: var(--quiet); font-size: 0.9rem; }
        .crumb { flex-basis: 100%; font-size: 0.9rem; }
        .foot { border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.85rem; }
        .foot .inner { max-width: 1160px; margin: 0 auto; padding: 1rem 1.5rem; display: flex; flex-wrap: wrap;
          gap: 0.25rem 1.5rem; justify-content: space-between; }
        .columns { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.25rem; align-items: start; }
        .stack > * + * { margin-top: 1.25rem; }
        .columns + .card, .card + .columns, .card + .card, .columns + .columns, .notice + .card, .filters + .card
          { margin-top: 1.25rem; }
        .columns > .card + .card { margin-top: 0; } .columns.uneven { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
        @media (max-width: 860px) { .columns, .columns.uneven { grid-template-columns: minmax(0, 1fr); } }
        @media (max-width: 720px) {
          .masthead .inner { padding: 0.6rem 1rem 0; gap: 0 1rem; }
          .masthead nav { order: 3; flex-basis: 100%; }
          .masthead nav ul { justify-content: space-between; gap: 0; flex-wrap: wrap; }
          .masthead nav a { padding: 0.7rem 0.1rem; font-size: 0.84rem; }
          .who .role { display: none; } .who .name { max-width: 9rem; }
          main { padding: 1.4rem 1rem 2.5rem; } h1 { font-size: 1.35rem; } .foot .inner { padding: 1rem; }
          .page-head .beside { margin-left: 0; flex-basis: 100%; }
        }

        """
}
