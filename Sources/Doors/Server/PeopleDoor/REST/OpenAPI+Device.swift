/// One device.
extension OpenAPI {
    static let deviceSchemas = #"""
            DeviceView:
              type: object
              description: "Everything of one device that the reader may see."
              required: [device, serial, product, batch, hardware, stage, passportVersion, bornAt, changedAt, whatToDo,
                  rights, tenures, birthChain, operationalCertificates, configuration, update, openAlarms, wipeOwed,
                  logEntries, actions]
              properties:
                device: {$ref: '#/components/schemas/Name'}
                serial: {type: string}
                product: {$ref: '#/components/schemas/Name'}
                productTitle: {type: string}
                batch: {$ref: '#/components/schemas/Name'}
                hardware: {type: string}
                stage: {$ref: '#/components/schemas/Stage'}
                retirement: {$ref: '#/components/schemas/RetirementView'}
                passportVersion: {type: integer, description: "Events in its passport."}
                bornAt: {$ref: '#/components/schemas/Timestamp'}
                changedAt: {$ref: '#/components/schemas/Timestamp'}
                whatToDo: {type: string}
                rights: {type: array, items: {$ref: '#/components/schemas/RightView'}}
                tenures: {type: array, items: {$ref: '#/components/schemas/TenureView'}}
                birthChain: {type: array, items: {$ref: '#/components/schemas/CertificateView'}}
                operationalCertificates: {type: array, items: {$ref: '#/components/schemas/CertificateView'}}
                contact: {$ref: '#/components/schemas/ContactView'}
                configuration: {$ref: '#/components/schemas/ConfigurationView'}
                update: {$ref: '#/components/schemas/UpdateView'}
                openAlarms: {type: array, items: {$ref: '#/components/schemas/AlarmView'}}
                transfer: {$ref: '#/components/schemas/TransferView'}
                pairingExpires: {$ref: '#/components/schemas/Timestamp'}
                wipeOwed: {type: boolean}
                logEntries: {type: integer}
                labels: {type: object, additionalProperties: {type: string},
                  description: "What people wrote on it; for the maker's people only."}
                actions: {type: array, items: {$ref: '#/components/schemas/ActionView'}}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "product": "thermostat-2", "productTitle": "Thermostat 2",
                    "batch": "018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d", "hardware": "th2-rev-b", "stage": "inUse",
                    "passportVersion": 4, "bornAt": "2026-01-05T08:30:00.000Z",
                    "changedAt": "2026-01-05T08:30:00.000Z",
                    "whatToDo": "Enrol, then ask with the operational certificate.", "rights": [{"right": "backEnd",
                    "ruling": "yes", "allowed": true, "reason": "A device in stage inUse has the right \"backEnd\".",
                    "rule": "stage inUse: backEnd"}], "tenures": [{"tenure": "018f3c1b-0000-7a22-8b1c-4d6f9e3b5a7c",
                    "grade": "secret", "since": "2026-01-05T08:30:00.000Z", "isOpen": true}], "birthChain": [],
                    "operationalCertificates": [{"kind": "operational", "serial": "4ac1",
                    "authority": "operational-issuing-1", "notBefore": "2026-01-05T08:30:00.000Z",
                    "notAfter": "2026-04-05T08:30:00.000Z", "state": "good",
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "tenure": "018f3c1b-0000-7a22-8b1c-4d6f9e3b5a7c"}], "configuration": {"wantedVersion": 1,
                    "appliedVersion": 1}, "update": {}, "openAlarms": [], "wipeOwed": false, "logEntries": 12,
                    "actions": [{"name": "use/quarantine-device", "title": "Quarantine",
                    "consequence": "The device is cut off with its next request.", "isFinal": false}]}
            RightView:
              type: object
              required: [right, ruling, allowed, reason, rule]
              properties:
                right: {$ref: '#/components/schemas/Right'}
                ruling: {$ref: '#/components/schemas/Ruling'}
                allowed: {type: boolean}
                reason: {type: string}
                rule: {type: string}
              examples:
                - {"right": "backEnd", "ruling": "yes", "allowed": true,
                    "reason": "A device in stage inUse has the right \"backEnd\".", "rule": "stage inUse: backEnd"}
            TenureView:
              type: object
              description: "One ownership."
              required: [tenure, grade, since, isOpen]
              properties:
                tenure: {$ref: '#/components/schemas/Name'}
                grade: {$ref: '#/components/schemas/Grade'}
                since: {$ref: '#/components/schemas/Timestamp'}
                ended: {$ref: '#/components/schemas/Timestamp'}
                isOpen: {type: boolean}
                owner: {$ref: '#/components/schemas/OwnerName'}
            RetirementView:
              type: object
              required: [how, at]
              properties:
                how: {$ref: '#/components/schemas/RetirementKind'}
                at: {$ref: '#/components/schemas/Timestamp'}
            ContactView:
              type: object
              description: "The last check-in."
              required: [at, agent, softwareVersion, sequence, configurationVersion, posture]
              properties:
                at: {$ref: '#/components/schemas/Timestamp'}
                agent: {type: string}
                softwareVersion: {type: string}
                sequence: {type: integer}
                slot: {type: string}
                configurationVersion: {type: integer}
                posture: {type: object, additionalProperties: {type: string}}
              examples:
                - {"at": "2026-01-05T08:30:00.000Z", "agent": "lifelong-agent/0.1.0", "softwareVersion": "1.4.2",
                    "sequence": 7, "slot": "b", "configurationVersion": 1, "posture": {"secureBoot": "on"}}
            ConfigurationView:
              type: object
              description: "Versions; 0 is none."
              required: [wantedVersion, appliedVersion]
              properties:
                wantedVersion: {type: integer}
                appliedVersion: {type: integer}
            UpdateView:
              type: object
              properties:
                offered: {$ref: '#/components/schemas/KnownRelease'}
                installed: {$ref: '#/components/schemas/KnownRelease'}
            KnownRelease:
              type: object
              required: [release, sequence]
              properties:
                release: {$ref: '#/components/schemas/Digest'}
                sequence: {type: integer}
                version: {type: string}
                observed: {type: boolean, description: "True: its client reported it, and the device signed nothing."}
              examples:
                - {"release": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "sequence": 7,
                    "version": "1.4.2"}
            TransferView:
              type: object
              required: [offeredAt]
              properties:
                offeredAt: {$ref: '#/components/schemas/Timestamp'}
                acceptedAt: {$ref: '#/components/schemas/Timestamp'}
                expires: {$ref: '#/components/schemas/Timestamp'}
            ActionView:
              type: object
              description: "What the reader may do with the device now."
              required: [name, title, consequence, isFinal]
              properties:
                name: {type: string}
                title: {type: string}
                consequence: {type: string}
                isFinal: {type: boolean}
            CertificateView:
              type: object
              required: [kind, serial, authority, notBefore, notAfter, state]
              properties:
                kind: {type: string}
                serial: {type: string}
                authority: {type: string}
                subject: {type: string}
                notBefore: {$ref: '#/components/schemas/Timestamp'}
                notAfter: {$ref: '#/components/schemas/Timestamp'}
                state: {type: string, enum: [intended, good, expired, revoked, abandoned]}
                revokedAt: {$ref: '#/components/schemas/Timestamp'}
                reason: {type: string}
                sha256: {$ref: '#/components/schemas/Digest'}
                tenure: {$ref: '#/components/schemas/Name'}
              examples:
                - {"kind": "operational", "serial": "4ac1", "authority": "operational-issuing-1",
                    "notBefore": "2026-01-05T08:30:00.000Z", "notAfter": "2026-04-05T08:30:00.000Z", "state": "good",
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "tenure": "018f3c1b-0000-7a22-8b1c-4d6f9e3b5a7c"}
            LifeView:
              type: object
              description: "A page of a device's life, in order."
              required: [device, serial, product, stage, entries, isCut, turns]
              properties:
                device: {$ref: '#/components/schemas/Name'}
                serial: {type: string}
                product: {$ref: '#/components/schemas/Name'}
                stage: {$ref: '#/components/schemas/Stage'}
                entries: {type: array, items: {$ref: '#/components/schemas/LedgerEntryView'}}
                isCut: {type: boolean, description: "There are entries before these."}
                older: {type: integer, format: int64, description: "Give it back as `before` for the older page."}
                turns:
                  type: array
                  description: "The last changes of its stage before these entries."
                  items: {$ref: '#/components/schemas/LedgerEntryView'}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "product": "thermostat-2", "stage": "inUse", "entries": [{"index": 17,
                    "at": "2026-01-05T08:30:00.000Z", "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d",
                    "serial": "THERMOSTAT-2-7KQ2M9XA", "byRole": "makerAdmin",
                    "byPerson": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f", "kind": "shipped",
                    "sentence": "Left the maker.", "isPublished": true}], "isCut": false, "turns": []}

        """#
}
