/// The ledger.
extension OpenAPI {
    static let ledgerSchemas = #"""
            LedgerView:
              type: object
              required: [origin, size, publishedSize, vkey]
              properties:
                origin: {type: string}
                size: {type: integer, format: int64}
                publishedSize: {type: integer, format: int64}
                root: {$ref: '#/components/schemas/Digest'}
                checkpoint: {type: string, description: "The signed note (C2SP tlog-checkpoint)."}
                publishedAt: {$ref: '#/components/schemas/Timestamp'}
                vkey: {type: string}
                lastEntryAt: {$ref: '#/components/schemas/Timestamp'}
              examples:
                - {"origin": "lifelong.example/ledger", "size": 121, "publishedSize": 120,
                    "root": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "checkpoint": "lifelong.example/ledger\n120\nn4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\n\n— lifelong.example/ledger 8fQ…\n",
                    "publishedAt": "2026-01-05T08:30:00.000Z", "vkey": "lifelong.example/ledger+f1d4a5b2+AVp3…",
                    "lastEntryAt": "2026-01-05T08:30:00.000Z"}
            WitnessView:
              type: object
              description: "Somebody outside who cosigns the checkpoints (C2SP tlog-witness)."
              required: [name, vkey, url, size, behind, standing, failures]
              properties:
                name: {type: string}
                vkey: {type: string}
                url: {type: string}
                size: {type: integer, format: int64, description: "Entries of the largest checkpoint that it cosigned."}
                behind: {type: integer, format: int64, description: "Published entries that it has not vouched for."}
                cosignedAt: {$ref: '#/components/schemas/Timestamp'}
                standing: {type: string, enum: [agrees, new, away, rollback, fork]}
                failures: {type: integer, description: "Attempts in a row that were no use."}
                trouble: {type: string}
              examples:
                - {"name": "witness.example/w1", "vkey": "witness.example/w1+7d2a14c9+BAp3…",
                    "url": "https://witness.example", "size": 120, "behind": 0,
                    "cosignedAt": "2026-01-05T08:30:00.000Z", "standing": "agrees", "failures": 0}
            WitnessList:
              type: object
              required: [witnesses, quorum, publishedSize, witnessedSize]
              properties:
                witnesses: {type: array, items: {$ref: '#/components/schemas/WitnessView'}}
                quorum: {type: integer, description: "So many cosignatures make a checkpoint witnessed."}
                publishedSize: {type: integer, format: int64}
                witnessedSize: {type: integer, format: int64, description: "Entries of the newest witnessed one."}
              examples:
                - {"witnesses": [], "quorum": 0, "publishedSize": 120, "witnessedSize": 0}
            LedgerEntryView:
              type: object
              description: "One leaf, told to a person."
              required: [index, at, byRole, kind, sentence, isPublished]
              properties:
                index: {type: integer, format: int64}
                at: {$ref: '#/components/schemas/Timestamp'}
                device: {$ref: '#/components/schemas/Name'}
                serial: {type: string}
                byRole: {type: string}
                byPerson: {$ref: '#/components/schemas/Name'}
                kind: {type: string}
                sentence: {type: string}
                isPublished: {type: boolean}
              examples:
                - {"index": 17, "at": "2026-01-05T08:30:00.000Z", "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d",
                    "serial": "THERMOSTAT-2-7KQ2M9XA", "byRole": "makerAdmin",
                    "byPerson": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f", "kind": "shipped",
                    "sentence": "Left the maker.", "isPublished": true}
            LedgerEntryPage:
              type: object
              required: [entries]
              properties:
                entries: {type: array, items: {$ref: '#/components/schemas/LedgerEntryView'}}
                next: {type: integer, format: int64}
              examples:
                - {"entries": [{"index": 17, "at": "2026-01-05T08:30:00.000Z",
                    "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "byRole": "makerAdmin", "byPerson": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f", "kind": "shipped",
                    "sentence": "Left the maker.", "isPublished": true}], "next": 17}
            LedgerLeafView:
              type: object
              required: [entry, leaf, hash, content]
              properties:
                entry: {$ref: '#/components/schemas/LedgerEntryView'}
                leaf: {type: string, description: "Base64 of the leaf's bytes."}
                hash: {$ref: '#/components/schemas/Digest'}
                content: {type: object, description: The leaf as it reads.}
              examples:
                - {"entry": {"index": 17, "at": "2026-01-05T08:30:00.000Z",
                    "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "byRole": "makerAdmin", "byPerson": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f", "kind": "shipped",
                    "sentence": "Left the maker.", "isPublished": true}, "leaf": "e30=",
                    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "content": {"v": 1,
                    "at": "2026-01-05T08:30:00.000Z", "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d",
                    "by": {"role": "makerAdmin", "person": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f"},
                    "event": {"shipped": {}}}}
            ProofView:
              type: object
              description: "How an entry hangs in the tree (RFC 9162)."
              required: [entry, size, leafHash, path, root, checkpoint, vkey, evidence]
              properties:
                entry: {$ref: '#/components/schemas/LedgerEntryView'}
                size: {type: integer, format: int64}
                leafHash: {$ref: '#/components/schemas/Digest'}
                path: {type: array, items: {$ref: '#/components/schemas/ProofStep'}}
                root: {$ref: '#/components/schemas/Digest'}
                checkpoint: {type: string}
                vkey: {type: string}
                evidence: {$ref: '#/components/schemas/Evidence'}
              examples:
                - {"entry": {"index": 17, "at": "2026-01-05T08:30:00.000Z",
                    "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "byRole": "makerAdmin", "byPerson": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f", "kind": "shipped",
                    "sentence": "Left the maker.", "isPublished": true}, "size": 120,
                    "leafHash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "path": [{"side": "right",
                    "sibling": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "parent": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "first": 16,
                    "end": 18}], "root": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "checkpoint": "lifelong.example/ledger\n120\nn4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\n\n— lifelong.example/ledger 8fQ…\n",
                    "vkey": "lifelong.example/ledger+f1d4a5b2+AVp3…", "evidence": {"v": 1, "subject": "entry 17",
                    "vkey": "lifelong.example/ledger+f1d4a5b2+AVp3…",
                    "checkpoint": "lifelong.example/ledger\n120\nn4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\n\n— lifelong.example/ledger 8fQ…\n",
                    "entries": [{"index": 17, "leaf": "e30=",
                    "proof": ["n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="]}]}}
            ProofStep:
              type: object
              required: [side, sibling, parent, first, end]
              properties:
                side: {type: string, enum: [left, right]}
                sibling: {$ref: '#/components/schemas/Digest'}
                parent: {$ref: '#/components/schemas/Digest'}
                first: {type: integer, format: int64}
                end: {type: integer, format: int64}
            Evidence:
              type: object
              description: "What lifelong verify takes."
              required: [v, checkpoint, entries]
              properties:
                v: {type: integer}
                subject: {type: string}
                vkey: {type: string}
                checkpoint: {type: string}
                entries: {type: array, items: {$ref: '#/components/schemas/EvidenceItem'}}
              examples:
                - {"v": 1, "subject": "entry 17", "vkey": "lifelong.example/ledger+f1d4a5b2+AVp3…",
                    "checkpoint": "lifelong.example/ledger\n120\nn4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\n\n— lifelong.example/ledger 8fQ…\n",
                    "entries": [{"index": 17, "leaf": "e30=",
                    "proof": ["n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="]}]}
            EvidenceItem:
              type: object
              required: [index, leaf, proof]
              properties:
                index: {type: integer, format: int64}
                leaf: {type: string}
                proof: {type: array, items: {type: string}}

        """#
}
