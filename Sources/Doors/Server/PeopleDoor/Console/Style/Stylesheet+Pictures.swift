/// What the SVG pictures share: stage colours, lines, labels.
extension Stylesheet {
    static let pictures = """
        .picture { display: block; width: 100%; height: auto; max-width: 100%; }
        .picture text { font-family: inherit; fill: var(--text); font-size: 13px; }
        .picture text.mono, .picture .proof-hash { font-family: ui-monospace, Menlo, "DejaVu Sans Mono", monospace; }
        .picture .middle { text-anchor: middle; } .picture .end { text-anchor: end; }
        .picture.wide { display: none; }
        .picture.tall { max-width: 23rem; margin: 0 auto; }
        @media (min-width: 760px) { .picture.wide { display: block; } .picture.tall { display: none; } }
        .edge { fill: none; stroke: var(--line-strong); stroke-width: 1.6; } .edge.dashed { stroke-dasharray: 5 4; }
        .arrow-head { fill: var(--line-strong); } .arrow-head.path { fill: var(--accent); }
        .picture text.edge-label { fill: var(--quiet); font-size: 12px; } .picture text.edge-label.strong { fill: var(--soft); }
        .node { text-decoration: none; } .node-box { fill: var(--card); stroke: var(--line); stroke-width: 1.4; }
        .node-mark { fill: var(--stage); }
        .picture text.node-count { font-size: 24px; font-weight: 600; font-variant-numeric: tabular-nums;
          letter-spacing: -0.02em; } .picture text.node-count.long { font-size: 20px; }
        .picture text.node-name { fill: var(--soft); }
        .node:hover .node-box { stroke: var(--stage); fill: var(--sunken); }
        .node:focus-visible { outline: none; } .node:focus-visible .node-box { stroke: var(--accent); stroke-width: 3; }

        """

    static let pictureLines = """
        .life-line.long { width: auto; max-width: none; height: 8rem; }
        .life-band { fill: var(--stage); } .tick { stroke: var(--stage); stroke-width: 1.6; }
        .picture text.life-stage { fill: var(--band-text); font-weight: 600; }
        .picture text.life-stage-tall { font-size: 15px; font-weight: 600; }
        .picture text.life-event { font-size: 12px; fill: var(--soft); }
        .picture text.life-date { font-size: 11.5px; fill: var(--quiet); font-variant-numeric: tabular-nums; }
        .tall text.life-date { font-size: 13px; }
        .life-mark { fill: var(--band-text); } a:hover .life-mark, a:focus-visible .life-mark { stroke: var(--band-text);
          stroke-width: 3; }
        .card-box { fill: var(--card); stroke: var(--line-strong); stroke-width: 1.2; } .card-box.bad { stroke: var(--bad);
          fill: var(--bad-ground); } .card-box.missing { stroke-dasharray: 5 4; fill: none; }
        .picture text.chain-role { font-weight: 600; font-size: 14px; } .picture text.chain-name { fill: var(--soft); }
        .picture text.chain-small { fill: var(--quiet); font-size: 12px; } .picture text.chain-small.mono { font-size: 11px; }
        .picture text.chain-state { fill: var(--good); font-size: 12.5px; font-weight: 600; }
        .picture text.chain-state.bad { fill: var(--bad); }
        .chain + .chain { margin-top: 0; }
        .picture.narrow { max-width: 20rem; margin-left: 0; }
        .proof { max-width: 34rem; margin: 0 auto; } .proof-box { fill: var(--card); stroke: var(--line-strong);
          stroke-width: 1.2; } .given .proof-box { fill: var(--sunken); stroke-dasharray: 4 3; }
        .leaf .proof-box { stroke: var(--accent); stroke-width: 2; }
        .root .proof-box { fill: var(--accent); stroke: var(--accent); } .root .proof-hash { fill: var(--on-accent); }
        .picture text.proof-hash { font-size: 11.5px; } .picture .root text.proof-hash { fill: var(--on-accent); }
        .picture text.proof-note { font-size: 12.5px; fill: var(--soft); }
        .edge.path { stroke: var(--accent); stroke-width: 2; }
        .rollout { max-width: 46rem; } .rollout-part { fill: var(--sunken); } .rollout-part.done { fill: var(--good); }
        .rollout-part.soaking { fill: var(--accent); } .rollout-part.failed { fill: var(--bad); }
        .rollout-part.silent { fill: var(--warn); } .rollout-part.offered { fill: var(--line-strong); }
        .rollout-part.waiting, .rollout-part.asleep { fill: var(--line); }
        .rollout-band { fill: var(--warn-line); } .rollout-share { fill: var(--text); } .rollout-line { fill: var(--bad); }
        .picture text.rollout-small { font-size: 11.5px; fill: var(--soft); } .picture text.rollout-open { font-weight: 600; }

        """
}
