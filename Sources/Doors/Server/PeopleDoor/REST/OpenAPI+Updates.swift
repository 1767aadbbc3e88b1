/// Update metadata: what its actions take and answer, and how it is read.
extension OpenAPI {
    static let updateSchemas = #"""
            DraftRoot:
              type: object
              description: "Keys that are left out stay as in the present root; the first root names all."
              required: [days]
              properties:
                rootKeys: {type: array, items: {$ref: '#/components/schemas/PublicKey'}}
                rootThreshold: {type: integer, minimum: 2}
                targetsKeys: {type: array, items: {$ref: '#/components/schemas/PublicKey'}}
                targetsThreshold: {type: integer, minimum: 2}
                days: {type: integer, minimum: 1, maximum: 3650}
              examples:
                - {"days": 365}
            DraftRootAnswer: {$ref: '#/components/schemas/ProposedMetadata'}
            PublicKey:
              type: string
              description: "Base64 of a SubjectPublicKeyInfo: Ed25519, or ECDSA on P-256 or P-384."
            ProposedMetadata:
              type: object
              required: [draft, role, version]
              properties:
                draft: {$ref: '#/components/schemas/Digest', description: "SHA-256 of exactly what is signed: the draft's name."}
                role: {type: string}
                version: {type: integer}
              examples:
                - {"draft": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "role": "product~thermostat-2~os", "version": 7}
            DelegateUpdates:
              type: object
              description: "Its registered signers are to be said to the devices: of the product, or of one of its layers."
              required: [product, threshold, days]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                layer: {type: string}
                threshold: {type: integer, minimum: 2}
                days: {type: integer, minimum: 1, maximum: 3650}
              examples:
                - {"product": "thermostat-2", "layer": "os", "threshold": 2, "days": 365}
            DelegateUpdatesAnswer: {$ref: '#/components/schemas/ProposedMetadata'}
            ProposeRelease:
              type: object
              required: [product, layer, days]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                layer: {type: string}
                release: {$ref: '#/components/schemas/ProposedRelease'}
                withdraws: {type: array, items: {type: integer}, description: "Sequences that are listed no more."}
                days: {type: integer, minimum: 1, maximum: 730}
              examples:
                - {"product": "thermostat-2", "layer": "os", "days": 180, "release": {"sequence": 7, "version": "1.4.2",
                    "hardware": ["th2-rev-b"], "from": ["1.4.0", "1.4.1"],
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "size": 4096}}
            ProposedRelease:
              type: object
              description: "A list that is left out allows everything."
              required: [sequence, version, hardware, sha256, size]
              properties:
                sequence: {type: integer, minimum: 1}
                version: {type: string}
                hardware: {type: array, items: {type: string}}
                from: {type: array, items: {type: string}, description: "Versions that it may follow."}
                bootloader: {type: array, items: {type: string}}
                network: {type: array, items: {type: string}, description: "Versions of the network module."}
                sha256: {description: "Of what was uploaded.", $ref: '#/components/schemas/Digest'}
                size: {type: integer}
                encryption: {$ref: '#/components/schemas/PayloadSecret'}
                mayReturn: {type: boolean, description: "A device that runs it may go back to the release of its layer that is listed before it."}
                sbom: {$ref: '#/components/schemas/Digest', description: "Of a bill of materials that was uploaded like the artifact."}
                provenance: {$ref: '#/components/schemas/Digest', description: "Of a provenance that was uploaded like the artifact."}
            ProposeReleaseAnswer: {$ref: '#/components/schemas/ProposedMetadata'}
            SignMetadata:
              type: object
              required: [draft, key, signature]
              properties:
                draft: {$ref: '#/components/schemas/Digest', description: "SHA-256 of what was signed."}
                key: {$ref: '#/components/schemas/Digest', description: "The key's name in update metadata."}
                signature: {type: string, description: "Base64. ECDSA: DER, over SHA-256 (P-256) or SHA-384 (P-384)."}
              examples:
                - {"draft": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "key": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "signature": "MEUCIQ=="}
            SignMetadataAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            PublishMetadata:
              type: object
              required: [drafts]
              properties:
                drafts: {type: array, items: {$ref: '#/components/schemas/Digest'}, minItems: 1, maxItems: 32}
              examples:
                - {"drafts": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]}
            PublishMetadataAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            AddSigner:
              type: object
              required: [product, person, key, inToken]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                layer: {type: string}
                person: {type: string}
                key: {$ref: '#/components/schemas/PublicKey'}
                inToken: {type: boolean, description: "Whether it was made in a PKCS#11 token and cannot leave it."}
              examples:
                - {"product": "thermostat-2", "layer": "os", "person": "grace", "key": "MFkw", "inToken": true}
            AddSignerAnswer:
              type: object
              required: [key]
              properties:
                key: {$ref: '#/components/schemas/Digest', description: "The key's name in update metadata."}
              examples:
                - {"key": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
            RemoveSigner:
              type: object
              required: [product, key]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                layer: {type: string}
                key: {$ref: '#/components/schemas/Digest'}
              examples:
                - {"product": "thermostat-2", "layer": "os",
                    "key": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
            RemoveSignerAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            UpdateMetadataView:
              type: object
              required: [roles, drafts]
              properties:
                roles: {type: array, items: {$ref: '#/components/schemas/UpdateRoleView'}}
                drafts: {type: array, items: {$ref: '#/components/schemas/UpdateDraftView'}}
            UpdateRoleView:
              type: object
              required: [role, version, signers]
              properties:
                role: {type: string}
                version: {type: integer, description: "0 if nothing is published."}
                expires: {$ref: '#/components/schemas/Timestamp'}
                threshold: {type: integer}
                signers: {type: array, items: {$ref: '#/components/schemas/UpdateSignerView'}}
              examples:
                - {"role": "product~thermostat-2~os", "version": 7, "expires": "2026-07-05T08:30:00.000Z", "threshold": 2,
                    "signers": [{"key": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "person": "grace", "isInToken": true, "isPublished": true}]}
            UpdateSignerView:
              type: object
              required: [key, isPublished]
              properties:
                key: {$ref: '#/components/schemas/Digest'}
                person: {type: string}
                isInToken: {type: boolean}
                isPublished: {type: boolean, description: "Whether the published document above names it."}
            UpdateDraftView:
              type: object
              required: [draft, role, version, proposedAt, expires, signatures]
              properties:
                draft: {$ref: '#/components/schemas/Digest'}
                role: {type: string}
                version: {type: integer}
                proposedBy: {type: string}
                proposedAt: {$ref: '#/components/schemas/Timestamp'}
                expires: {$ref: '#/components/schemas/Timestamp'}
                signatures: {type: array, items: {$ref: '#/components/schemas/UpdateSignatureView'}}
                document: {type: string, description: "The JSON document with its signatures so far; for one draft only."}
              examples:
                - {"draft": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "role": "product~thermostat-2~os", "version": 7, "proposedBy": "grace",
                    "proposedAt": "2026-01-05T08:30:00.000Z", "expires": "2026-01-19T08:30:00.000Z", "signatures": []}
            UpdateSignatureView:
              type: object
              required: [key, at]
              properties:
                key: {$ref: '#/components/schemas/Digest'}
                person: {type: string}
                at: {$ref: '#/components/schemas/Timestamp'}

        """#
}
