/// Schemas of drafts of releases, and of the part of hawkBit's management API that is spoken.
extension OpenAPI {
    static let draftSchemas = #"""
            DraftRelease:
              type: object
              required: [product, version, kind]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                version: {type: string}
                kind: {type: string, description: "os, application: nothing depends on it."}
              examples:
                - {"product": "thermostat-2", "version": "1.4.2", "kind": "os"}
            DraftReleaseAnswer:
              type: object
              required: [draft]
              properties:
                draft: {type: integer, format: int64}
              examples:
                - {"draft": 1795315200000}
            AttachArtifact:
              type: object
              required: [draft]
              properties:
                draft: {type: integer, format: int64}
                sha256: {description: "Of what was uploaded; left out: the draft has none any more.", $ref: '#/components/schemas/Digest'}
                size: {type: integer}
                file: {type: string, maxLength: 128, description: "What its maker calls the file."}
              examples:
                - {"draft": 1795315200000, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "size": 4096, "file": "image.swu"}
            AttachArtifactAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}
            DropDraft:
              type: object
              required: [draft]
              properties:
                draft: {type: integer, format: int64}
              examples:
                - {"draft": 1795315200000}
            DropDraftAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}
            PublishDraft: {$ref: '#/components/schemas/DropDraft'}
            PublishDraftAnswer: {$ref: '#/components/schemas/PublishReleaseAnswer'}

        """#

    static let managementSchemas = #"""
            HawkBitLinks:
              type: object
              additionalProperties: {type: object, required: [href], properties: {href: {type: string}, name: {type: string}}}
            HawkBitTarget:
              type: object
              required: [controllerId, name, updateStatus, requestAttributes, _links]
              properties:
                controllerId: {type: string, description: "The device's serial."}
                name: {type: string}
                updateStatus: {type: string, enum: [unknown, registered, pending, in_sync, error]}
                requestAttributes: {type: boolean}
                lastControllerRequestAt: {type: integer, format: int64, description: "Milliseconds since 1970, as all instants here."}
                installedAt: {type: integer, format: int64}
                securityToken: {type: string, description: "In the answer to its making, and never again."}
                _links: {$ref: '#/components/schemas/HawkBitLinks'}
            HawkBitTargetList: {type: array, items: {$ref: '#/components/schemas/HawkBitTarget'}}
            HawkBitTargetPage: {type: object, required: [content, total, size], properties: {content: {$ref: '#/components/schemas/HawkBitTargetList'}, total: {type: integer}, size: {type: integer}}}
            HawkBitTargets:
              type: array
              maxItems: 1000
              items: {type: object, required: [controllerId], properties: {controllerId: {type: string, description: "Serial of a device of yours."}, securityToken: {type: string, description: "One that it has already; made if left out."}}}
              examples:
                - [{"controllerId": "THERMOSTAT-2-7KQ2M9XA", "name": "THERMOSTAT-2-7KQ2M9XA"}]
            HawkBitAttributes: {type: object, additionalProperties: {type: string}}
            HawkBitModule:
              type: object
              required: [id, name, version, type, createdAt, complete, deleted, _links]
              properties:
                id: {type: integer, format: int64}
                name: {type: string, description: "The product."}
                version: {type: string}
                type: {type: string}
                createdAt: {type: integer, format: int64}
                complete: {type: boolean, description: "It has its file."}
                deleted: {type: boolean}
                _links: {$ref: '#/components/schemas/HawkBitLinks'}
            HawkBitModuleList: {type: array, items: {$ref: '#/components/schemas/HawkBitModule'}}
            HawkBitModulePage: {type: object, required: [content, total, size], properties: {content: {$ref: '#/components/schemas/HawkBitModuleList'}, total: {type: integer}, size: {type: integer}}}
            HawkBitModules:
              type: array
              maxItems: 1
              items: {type: object, required: [name, version, type], properties: {name: {type: string, description: "A product."}, version: {type: string}, type: {type: string}, encrypted: {type: boolean, const: false}}}
              examples:
                - [{"name": "thermostat-2", "version": "1.4.2", "type": "os"}]
            HawkBitArtifact:
              type: object
              required: [id, providedFilename, hashes, size, _links]
              properties:
                id: {type: integer, format: int64, description: "The module's."}
                providedFilename: {type: string}
                hashes: {type: object, properties: {sha1: {type: string}, md5: {type: string}, sha256: {type: string}}}
                size: {type: integer}
                _links: {$ref: '#/components/schemas/HawkBitLinks'}
            HawkBitArtifactList: {type: array, items: {$ref: '#/components/schemas/HawkBitArtifact'}}
            HawkBitSet:
              type: object
              required: [id, name, version, type, createdAt, complete, deleted, valid, modules, _links]
              properties:
                id: {type: integer, format: int64, description: "Index in the ledger of the release's publication."}
                name: {type: string, description: "The product."}
                version: {type: string}
                type: {type: string}
                createdAt: {type: integer, format: int64}
                complete: {type: boolean}
                deleted: {type: boolean}
                valid: {type: boolean, description: "False if update metadata names the release no more."}
                modules: {$ref: '#/components/schemas/HawkBitModuleList'}
                _links: {$ref: '#/components/schemas/HawkBitLinks'}
            HawkBitSetList: {type: array, items: {$ref: '#/components/schemas/HawkBitSet'}}
            HawkBitSetPage: {type: object, required: [content, total, size], properties: {content: {$ref: '#/components/schemas/HawkBitSetList'}, total: {type: integer}, size: {type: integer}}}
            HawkBitSets:
              type: array
              maxItems: 1
              items: {type: object, required: [version, modules], properties: {name: {type: string, description: "Not kept."}, version: {type: string, description: "The module's."}, modules: {type: array, maxItems: 1, items: {type: object, required: [id], properties: {id: {type: integer, format: int64}}}}, requiredMigrationStep: {type: boolean, const: false}}}
              examples:
                - [{"name": "thermostat-2", "version": "1.4.2", "type": "os", "modules": [{"id": 1795315200000}]}]
            HawkBitAssignments:
              type: array
              maxItems: 1000
              items: {type: object, required: [id], properties: {id: {type: string}, type: {type: string, const: forced}}}
              examples:
                - [{"id": "THERMOSTAT-2-7KQ2M9XA", "type": "forced"}]
            HawkBitAssignmentAnswer:
              type: object
              required: [assigned, alreadyAssigned, total, assignedActions]
              properties:
                assigned: {type: integer}
                alreadyAssigned: {type: integer}
                total: {type: integer}
                assignedActions: {type: array, items: {type: object, required: [id], properties: {id: {type: integer, format: int64}, _links: {$ref: '#/components/schemas/HawkBitLinks'}}}}
            HawkBitAction:
              type: object
              required: [id, type, status, detailStatus, forceType, createdAt, lastModifiedAt, _links]
              properties:
                id: {type: integer, format: int64, description: "Index of the offer in the ledger."}
                type: {type: string, enum: [update, cancel]}
                status: {type: string, enum: [pending, finished, canceled]}
                detailStatus: {type: string, enum: [running, wait_for_confirmation, canceling, finished, error, canceled]}
                forceType: {type: string}
                createdAt: {type: integer, format: int64}
                lastModifiedAt: {type: integer, format: int64}
                _links: {$ref: '#/components/schemas/HawkBitLinks'}
            HawkBitActionPage: {type: object, required: [content, total, size], properties: {content: {type: array, items: {$ref: '#/components/schemas/HawkBitAction'}}, total: {type: integer}, size: {type: integer}}}
            HawkBitStatus:
              type: object
              required: [id, type, messages, reportedAt]
              properties:
                id: {type: integer, description: "Counted from 1 within its action."}
                type: {type: string}
                messages: {type: array, items: {type: string}, description: "Newest first."}
                reportedAt: {type: integer, format: int64}
            HawkBitStatusPage: {type: object, required: [content, total, size], properties: {content: {type: array, items: {$ref: '#/components/schemas/HawkBitStatus'}}, total: {type: integer}, size: {type: integer}}}
            HawkBitSetting:
              type: object
              required: [value]
              properties:
                value: {type: [string, boolean]}
                global: {type: boolean}
              examples:
                - {"value": "00:05:00"}

        """#
}
