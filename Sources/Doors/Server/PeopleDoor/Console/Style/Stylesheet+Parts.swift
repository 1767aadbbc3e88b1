/// Cards, tables, buttons and other parts of pages.
extension Stylesheet {
    static let parts = """
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.35rem 1.5rem;
          box-shadow: var(--shadow); min-width: 0; }
        .card > header { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; align-items: baseline; margin-bottom: 1rem; }
        .card > header .beside { margin-left: auto; color: var(--quiet); font-size: 0.9rem; }
        .card > header p { flex-basis: 100%; color: var(--soft); margin: 0; font-size: 0.93rem; }
        .card .divided > * + * { border-top: 1px solid var(--line); }
        .card > h3 { margin: 1.3rem 0 0.6rem; } .card > h3.first { margin-top: 0; }
        .notice { border: 1px solid var(--line-strong); border-left-width: 4px; border-radius: 8px; padding: 0.85rem 1.1rem;
          margin-bottom: 1.25rem; background: var(--card); }
        .notice p { margin: 0; } .notice p + p { margin-top: 0.3rem; }
        .notice.done { border-color: var(--good); background: var(--good-ground); }
        .notice.bad { border-color: var(--bad); background: var(--bad-ground); }
        .notice.warn { border-color: var(--warn); background: var(--warn-ground); }
        .notice .rule { color: var(--soft); font-size: 0.88rem; }
        .notice .said { font-weight: 600; }
        .badge { display: inline-flex; align-items: center; gap: 0.45rem; padding: 0.1rem 0.6rem 0.1rem 0.5rem;
          border: 1px solid var(--line); border-radius: 999px; background: var(--card); white-space: nowrap;
          font-size: 0.86rem; color: var(--text); }
        .badge::before { content: ""; width: 0.6rem; height: 0.6rem; border-radius: 50%; background: var(--stage); flex: none; }
        .badge.large { font-size: 1rem; padding: 0.25rem 0.9rem 0.25rem 0.75rem; }
        .chip { display: inline-block; padding: 0.05rem 0.5rem; border-radius: 6px; background: var(--sunken);
          color: var(--soft); font-size: 0.84rem; white-space: nowrap; }
        .chip.bad { background: var(--bad-ground); color: var(--bad); } .chip.good { background: var(--good-ground);
          color: var(--good); } .chip.warn { background: var(--warn-ground); color: var(--warn); }
        .facts { display: grid; grid-template-columns: minmax(8rem, max-content) minmax(0, 1fr); gap: 0.45rem 1.5rem; margin: 0; align-items: baseline; }
        .facts dt { color: var(--quiet); } .facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
        .tasks > li { display: flex; gap: 0.35rem 1rem; align-items: flex-start; flex-wrap: wrap; padding: 0.9rem 0; }
        .tasks > li:first-child { padding-top: 0; } .tasks > li:last-child { padding-bottom: 0; }
        .tasks .what { flex: 1 1 14rem; min-width: 0; overflow-wrap: anywhere; } .tasks .what p { margin: 0; }
        .tasks .title { font-weight: 600; } .tasks .what .soft { margin-top: 0.1rem; }
        .empty { text-align: center; padding: 2.2rem 1rem; color: var(--soft); }
        .empty p { margin: 0 auto 0.6rem; max-width: 52ch; } .empty .said { font-weight: 600; color: var(--text); }
        .empty code { background: var(--sunken); padding: 0.15rem 0.45rem; border-radius: 5px; }
        .figure { font-size: 1.9rem; font-weight: 600; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
        .secret { font-size: 1.15rem; user-select: all; }
        .narrow-page { max-width: 34rem; margin: 6vh auto 0; } .narrow-page h1 { margin-bottom: 0.8rem; }
        .prose ol { list-style: decimal; padding-left: 1.3rem; } .prose ol > li + li { margin-top: 0.7rem; }
        .prose pre { margin-top: 0.4rem; }
        .copy-row { margin: 0.5rem 0 0.8rem; } .copy-row:last-child { margin-bottom: 0; }
        @media (max-width: 720px) {
          .card { padding: 1.1rem 1rem; border-radius: 10px; }
          .facts { grid-template-columns: minmax(0, 1fr); gap: 0; } .facts dd + dt { margin-top: 0.65rem; }
          .facts dt { font-size: 0.86rem; }
        }

        """

    static let forms = """
        button, .button { font: inherit; font-weight: 550; display: inline-block; padding: 0.48rem 1rem; border-radius: 8px;
          border: 1px solid var(--line-strong); background: var(--card); color: var(--text); cursor: pointer;
          text-decoration: none; white-space: nowrap; line-height: 1.35; }
        button:hover, .button:hover { background: var(--sunken); color: var(--text); border-color: var(--quiet); }
        button.primary, .button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
        button.primary:hover, .button.primary:hover { background: var(--accent-strong); border-color: var(--accent-strong);
          color: var(--on-accent); }
        button.final, .button.final { border-color: var(--bad); color: var(--bad); }
        button.final:hover, .button.final:hover { background: var(--bad-ground); color: var(--bad); }
        button.plain { border-color: transparent; background: none; padding: 0.3rem 0.5rem; color: var(--soft);
          font-weight: 400; font-size: 0.9rem; }
        button.plain:hover { color: var(--text); text-decoration: underline; }
        button.small, .button.small { padding: 0.25rem 0.7rem; font-size: 0.88rem; }
        form { margin: 0; } .card > form + form { margin-top: 1.3rem; }
        label, .label { display: block; font-size: 0.86rem; color: var(--soft); margin-bottom: 0.2rem; }
        input, select, textarea { font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--line-strong);
          border-radius: 8px; padding: 0.45rem 0.65rem; width: 100%; min-width: 0; max-width: 100%; }
        input:not([type=radio], [type=checkbox]), select { height: 2.5rem; } input.brief { width: 10rem; height: 2rem; }
        textarea { min-height: 8rem; resize: vertical; font-family: ui-monospace, "DejaVu Sans Mono", monospace;
          font-size: 0.9rem; }
        .field { margin-bottom: 1rem; max-width: 30rem; } .field .help { font-size: 0.86rem; color: var(--quiet);
          margin: 0.25rem 0 0; }
        .choices { border: 0; margin: 0 0 1rem; padding: 0; } .choices legend { padding: 0; font-size: 0.86rem;
          color: var(--soft); margin-bottom: 0.3rem; }
        .choices label { display: flex; gap: 0.6rem; align-items: baseline; font-size: 1rem; color: var(--text);
          padding: 0.2rem 0; } .choices input { width: auto; flex: none; }
        .side-by-side { display: flex; gap: 0.5rem; }
        .row { display: flex; flex-wrap: wrap; gap: 0.6rem; align-items: center; }
        .filters { display: grid; grid-template-columns: minmax(0, 2fr) repeat(3, minmax(0, 1fr)) auto auto; gap: 0.8rem;
          align-items: end; margin-bottom: 1.25rem; }
        .filters .check { display: flex; gap: 0.5rem; align-items: center; padding: 0.5rem 0; margin: 0; color: var(--text);
          font-size: 0.95rem; white-space: nowrap; } .filters .check input { width: auto; }
        @media (max-width: 1000px) { .filters { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
          .filters .wide-field { grid-column: 1 / -1; } }
        .stage-row { display: flex; flex-wrap: wrap; gap: 0.45rem; margin-bottom: 1.1rem; }
        .stage-row a { text-decoration: none; } .stage-row .badge b { font-weight: 600; font-variant-numeric: tabular-nums; }
        .stage-row .badge:hover { border-color: var(--line-strong); }
        .stage-row [aria-current] .badge { border-color: var(--stage, var(--accent)); background: var(--sunken);
          font-weight: 600; }
        .badge.all::before { display: none; } .badge.all { padding-left: 0.65rem; }
        .pager { display: flex; flex-wrap: wrap; gap: 0.6rem 1rem; align-items: center; justify-content: space-between;
          margin-top: 1rem; } .pager .beside { color: var(--quiet); font-size: 0.9rem; }

        """

    static let lists = """
        .scroll { overflow-x: auto; margin: 0 -1.5rem; padding: 0 1.5rem; } .scroll + .life { margin-top: 1rem; }
        table { border-collapse: collapse; width: 100%; }
        th { text-align: left; font-weight: 500; font-size: 0.84rem; color: var(--quiet); white-space: nowrap; }
        th, td { padding: 0.55rem 1.1rem 0.55rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
        th:last-child, td:last-child { padding-right: 0; } tbody tr:last-child td { border-bottom: 0; padding-bottom: 0.1rem; }
        td.number, th.number { text-align: right; } td.nowrap { white-space: nowrap; }
        td .ago { display: inline; } td.long { min-width: 16rem; } tbody tr:hover td { background: var(--sunken); }
        tbody tr:hover td:first-child { box-shadow: -0.6rem 0 0 var(--sunken); }
        tbody tr:hover td:last-child { box-shadow: 0.6rem 0 0 var(--sunken); }
        a.serial { white-space: nowrap; } td a { text-decoration: none; } td a:hover { text-decoration: underline; }
        td a.serial { font-weight: 550; }
        .life > li { position: relative; padding: 0.42rem 0 0.42rem 1.6rem; display: grid;
          grid-template-columns: 12.5rem minmax(0, 1fr) auto; gap: 0.1rem 1rem; }
        .life > li::before { content: ""; position: absolute; left: 0.35rem; top: 0; bottom: 0; width: 3px;
          background: var(--stage, var(--line)); }
        .life > li::after { content: ""; position: absolute; left: 0.06rem; top: 0.82rem; width: 0.72rem; height: 0.72rem;
          border-radius: 50%; background: var(--card); border: 3px solid var(--stage, var(--line-strong)); }
        .life > li:first-child::before { top: 0.9rem; } .life > li:last-child::before { bottom: auto; height: 0.9rem; }
        .life .when { white-space: nowrap; color: var(--quiet); font-size: 0.9rem; font-variant-numeric: tabular-nums; }
        .life .by { color: var(--quiet); font-size: 0.9rem; text-align: right; white-space: nowrap; } .life .what { overflow-wrap: anywhere; }
        @media (max-width: 720px) {
          .scroll { margin: 0 -1rem; padding: 0 1rem; }
          .life > li { grid-template-columns: minmax(0, 1fr) auto; }
          .life .what { grid-column: 1 / -1; order: 2; }
        }

        """
}
