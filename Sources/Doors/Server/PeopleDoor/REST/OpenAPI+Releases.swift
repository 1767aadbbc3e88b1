/// Releases: what is told of each, and of what it is made.
extension OpenAPI {
    static let releaseSchemas = #"""
            ReleaseView:
              type: object
              required: [release, product, sequence, version, hardware, sha256, size, publishedAt, format, isOffered]
              properties:
                release: {$ref: '#/components/schemas/Digest'}
                product: {$ref: '#/components/schemas/Name'}
                sequence: {type: integer}
                version: {type: string}
                hardware: {type: array, items: {type: string}}
                sha256: {$ref: '#/components/schemas/Digest'}
                size: {type: integer}
                publishedAt: {$ref: '#/components/schemas/Timestamp'}
                layer: {type: string, description: "Missing where update metadata does not name the release."}
                format: {type: string, description: "The kind of its file: .swu, .raucb, .mender or .bin."}
                encryption: {type: string, description: "How it travels; missing if that is as it is installed."}
                isOffered: {type: boolean, description: "False: it was taken off, and nobody is offered it any more."}
                sbom: {$ref: '#/components/schemas/Digest'}
                provenance: {$ref: '#/components/schemas/Digest'}
                signers: {type: array, items: {type: string}, description: "For the maker's people, like all below."}
                publishedBy: {type: string}
                running: {type: integer, description: "Devices that run it."}
              examples:
                - {"release": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "product": "thermostat-2", "sequence": 7, "version": "1.4.2", "hardware": ["th2-rev-b"],
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "size": 4096,
                    "publishedAt": "2026-01-05T08:30:00.000Z", "layer": "os", "format": ".raucb", "isOffered": true,
                    "signers": ["grace", "linus"], "publishedBy": "linus", "running": 214}
            ReleaseList:
              type: object
              required: [releases]
              properties:
                releases: {type: array, items: {$ref: '#/components/schemas/ReleaseView'}}
            ReleaseDetail:
              type: object
              required: [release, from, bootloader, network, signatures, checks, artifacts, rollouts]
              properties:
                release: {$ref: '#/components/schemas/ReleaseView'}
                from: {type: array, items: {type: string}, description: "Versions that it may follow; empty: any."}
                bootloader: {type: array, items: {type: string}}
                network: {type: array, items: {type: string}}
                target: {type: string, description: "In update metadata; missing where the house's seal is all."}
                sealedBy: {type: string, description: "The house's key: SHA-256 of its SubjectPublicKeyInfo."}
                signatures: {type: array, items: {$ref: '#/components/schemas/ReleaseSignature'}}
                mayReturnTo: {type: integer, description: "The release that devices may go back to from it."}
                checks: {type: array, items: {$ref: '#/components/schemas/ReleaseCheck'}}
                artifacts: {type: array, items: {$ref: '#/components/schemas/ReleaseArtifact'}}
                rollouts:
                  type: array
                  description: "Newest first, the last twenty."
                  items: {$ref: '#/components/schemas/RolloutView'}
                materials: {$ref: '#/components/schemas/ReleaseMaterials'}
                provenance: {$ref: '#/components/schemas/ReleaseOrigin'}
                difference: {$ref: '#/components/schemas/ReleaseDifference'}
            ReleaseSignature:
              type: object
              required: [key, at]
              properties:
                key: {$ref: '#/components/schemas/Digest'}
                person: {type: string}
                isInToken: {type: boolean}
                at: {$ref: '#/components/schemas/Timestamp'}
              examples:
                - {"key": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "person": "grace",
                    "isInToken": true, "at": "2026-01-05T08:30:00.000Z"}
            ReleaseMaterials:
              type: object
              description: "Its bill of materials."
              required: [sha256, format, subject, components]
              properties:
                sha256: {$ref: '#/components/schemas/Digest'}
                format: {type: string}
                subject: {type: string}
                version: {type: string}
                components: {type: integer}
              examples:
                - {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "format": "CycloneDX 1.6", "subject": "thermostat-2", "version": "1.4.2", "components": 214}
            ReleaseOrigin:
              type: object
              description: "Its provenance; without a builder if none that the product trusts today signed it."
              required: [sha256]
              properties:
                sha256: {$ref: '#/components/schemas/Digest'}
                builder: {type: string}
                buildType: {type: string}
              examples:
                - {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "builder": "https://example.com/builder", "buildType": "https://example.com/build/v1"}
            ReleaseCheck:
              type: object
              description: "A rule of admission, asked again now: by what the product asks today, of the files in the store."
              required: [rule, isPassed, detail]
              properties:
                rule: {type: string}
                isPassed: {type: boolean}
                detail: {type: string}
              examples:
                - {"rule": "admission: sbom", "isPassed": true,
                    "detail": "It is CycloneDX 1.6, about thermostat-2 1.4.2 and this artifact."}
            ReleaseArtifact:
              type: object
              required: [what, sha256, isStored]
              properties:
                what: {type: string, enum: [artifact, as installed, sbom, provenance]}
                sha256: {$ref: '#/components/schemas/Digest'}
                size: {type: integer}
                isStored: {type: boolean}
              examples:
                - {"what": "artifact", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "size": 4096, "isStored": true}
            ReleaseDifference:
              type: object
              description: "What is other than in the release before it, of the same layer."
              required: [since, terms, changes, count, isByMaterials]
              properties:
                since: {type: integer}
                terms:
                  type: array
                  items:
                    type: object
                    required: [term, before, after]
                    properties:
                      term: {type: string, enum: [hardware, from, bootloader, network]}
                      before: {type: array, items: {type: string}, description: "Empty: any."}
                      after: {type: array, items: {type: string}}
                changes:
                  type: array
                  items:
                    type: object
                    required: [name]
                    properties:
                      name: {type: string}
                      before: {type: string, description: "Missing of what came."}
                      after: {type: string, description: "Missing of what went."}
                count: {type: integer, description: "Also of those that are not told."}
                isByMaterials: {type: boolean, description: "False: one of the two has no bill of materials."}
              examples:
                - {"since": 6, "terms": [{"term": "from", "before": ["1.3"], "after": ["1.3", "1.4"]}],
                    "changes": [{"name": "zlib", "before": "1.3", "after": "1.3.1"}], "count": 1, "isByMaterials": true}
            WithdrawRelease:
              type: object
              description: "Not of a release in update metadata: its signers take it off."
              required: [product, sequence, confirm]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                sequence: {type: integer, minimum: 1}
                confirm: {type: string, description: "The product's name, typed again."}
              examples:
                - {"product": "thermostat-2", "sequence": 7, "confirm": "thermostat-2"}
            WithdrawReleaseAnswer:
              type: object
              required: [stopped]
              properties:
                stopped: {type: array, items: {$ref: '#/components/schemas/Name'}, description: "Rollouts that stopped."}
              examples:
                - {"stopped": ["018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c"]}
            ReleaseComponents:
              type: object
              description: "What it is made of, in the order of its bill of materials."
              required: [components, count]
              properties:
                components:
                  type: array
                  items:
                    type: object
                    required: [name]
                    properties:
                      name: {type: string}
                      version: {type: string}
                      sha256: {type: string}
                count: {type: integer}
              examples:
                - {"components": [{"name": "zlib", "version": "1.3.1"}], "count": 1}

        """#
}
