/// What many answers are made of, and the fleet.
extension OpenAPI {
    static let readSchemas = #"""
            Timestamp: {type: string, format: date-time, description: "UTC, milliseconds.",
                examples: ["2026-01-05T08:30:00.000Z"]}
            Digest: {type: string, pattern: "^[0-9a-f]{64}$", description: SHA-256 in hexadecimal.}
            Name: {type: string, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}
            Stage: {type: string, enum: [made, shipped, inUse, quarantined, inTransfer, claimable, retired]}
            Grade: {type: string, enum: [declared, label, secret, proven, voucher]}
            RetirementKind: {type: string, enum: [recycled, replaced, destroyed]}
            Right: {type: string, enum: [firmware, pair, certificate, backEnd, command, contactAlarm]}
            Ruling: {type: string, enum: ["no", "yes", atStation, remedyOnly, withPairing, byRole, wipeOnly, byPolicy]}
            Alarm: {type: string, enum: [contactBeforeShipping, contactBeforePairing, contactAfterRetirement,
                keySeenTwice, pairingLocked, logBroken, artifactRefused, receiptRefused, ledgerRolledBack,
                ledgerForked]}
            Role: {type: string, enum: [makerAdmin, station, owner, support, auditor, device, system]}
            Permission: {type: string, enum: [readFleet, readLedger, readOwnDevices, administer, publish, manufacture,
                ship, respond, retire, pair, own, beDevice]}
            RefusalCode: {type: string, enum: [malformed, unauthenticated, forbidden, notFound, conflict, gone,
                tooLarge, unsupported, tooMany, internal, unavailable]}
            Refusal:
              type: object
              description: "What was wrong, the rule, and what to do."
              required: [code, detail, hint]
              properties:
                code: {$ref: '#/components/schemas/RefusalCode'}
                detail: {type: string, description: "One sentence."}
                hint: {type: string, description: "One imperative sentence."}
                rule: {type: string, description: "The rule that refused."}
                retryAfterSeconds: {type: integer}
              examples:
                - {"code": "forbidden", "detail": "The role support does not include \"retire\".",
                    "hint": "Ask somebody with the role makerAdmin.", "rule": "role support: retire"}
            Health:
              type: object
              required: [status]
              properties:
                status: {type: string}
              examples:
                - {"status": "ok"}
            FleetView:
              type: object
              description: "The fleet on one page."
              required: [at, devices, stages, contactMinutes, contactedLately, openAlarms, alarms, batches, needsPerson]
              properties:
                at: {$ref: '#/components/schemas/Timestamp'}
                devices: {type: integer}
                stages: {type: array, items: {$ref: '#/components/schemas/StageCount'}}
                contactMinutes: {type: integer}
                contactedLately: {type: integer}
                contactedAsOf: {description: "When they were counted; now if missing.", $ref: '#/components/schemas/Timestamp'}
                openAlarms: {type: integer, description: "At most 10000."}
                hasMoreAlarms: {type: boolean, description: "Set if there are more than that."}
                alarms: {type: array, items: {$ref: '#/components/schemas/AlarmView'}}
                batches: {type: array, items: {$ref: '#/components/schemas/BatchView'}}
                needsPerson: {type: array, items: {$ref: '#/components/schemas/PersonTask'}}
                ledger: {$ref: '#/components/schemas/LedgerView'}
              examples:
                - {"at": "2026-01-05T08:30:00.000Z", "devices": 1025, "stages": [{"stage": "inUse", "count": 1025}],
                    "contactMinutes": 15, "contactedLately": 1019, "openAlarms": 1, "alarms": [{"index": 42,
                    "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "alarm": "contactBeforeShipping",
                    "meaning": "The device made contact while it should be in stock; it may be diverted.",
                    "detail": "It asked for its status from 203.0.113.9.", "at": "2026-01-05T08:30:00.000Z"}],
                    "batches": [{"batch": "018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d", "product": "thermostat-2",
                    "quantity": 25, "admitted": 25, "station": "line-1",
                    "authority": "birth-018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d",
                    "openedAt": "2026-01-05T08:30:00.000Z"}], "needsPerson": [{"kind": "alarms", "count": 1,
                    "sentence": "Open alarms: look into each and acknowledge it.", "path": "/alarms?open=true"}],
                    "ledger": {"origin": "lifelong.example/ledger", "size": 121, "publishedSize": 120,
                    "root": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "checkpoint": "lifelong.example/ledger\n120\nn4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\n\n— lifelong.example/ledger 8fQ…\n",
                    "publishedAt": "2026-01-05T08:30:00.000Z", "vkey": "lifelong.example/ledger+f1d4a5b2+AVp3…",
                    "lastEntryAt": "2026-01-05T08:30:00.000Z"}}
            StageCount:
              type: object
              required: [stage, count]
              properties:
                stage: {$ref: '#/components/schemas/Stage'}
                count: {type: integer}
            PersonTask:
              type: object
              description: "Something that waits for a person."
              required: [kind, count, sentence, path]
              properties:
                kind: {type: string, enum: [alarms, quarantined, transfers, rollouts, batches, authorities, ledger]}
                count: {type: integer}
                sentence: {type: string}
                path: {type: string, description: "Path of the list in the console."}
            AlarmView:
              type: object
              required: [index, alarm, meaning, detail, at]
              properties:
                index: {type: integer, format: int64}
                device: {$ref: '#/components/schemas/Name'}
                serial: {type: string}
                alarm: {$ref: '#/components/schemas/Alarm'}
                meaning: {type: string}
                detail: {type: string}
                at: {$ref: '#/components/schemas/Timestamp'}
                acknowledgedAt: {$ref: '#/components/schemas/Timestamp'}
              examples:
                - {"index": 42, "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "alarm": "contactBeforeShipping",
                    "meaning": "The device made contact while it should be in stock; it may be diverted.",
                    "detail": "It asked for its status from 203.0.113.9.", "at": "2026-01-05T08:30:00.000Z"}
            AlarmPage:
              type: object
              required: [alarms]
              properties:
                alarms: {type: array, items: {$ref: '#/components/schemas/AlarmView'}}
                next: {type: integer, format: int64}
              examples:
                - {"alarms": [{"index": 42, "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d",
                    "serial": "THERMOSTAT-2-7KQ2M9XA", "alarm": "contactBeforeShipping",
                    "meaning": "The device made contact while it should be in stock; it may be diverted.",
                    "detail": "It asked for its status from 203.0.113.9.", "at": "2026-01-05T08:30:00.000Z"}]}
            DevicePage:
              type: object
              required: [devices]
              properties:
                devices: {type: array, items: {$ref: '#/components/schemas/DeviceRow'}}
                next: {type: string, description: "Given back as after for the next page."}
              examples:
                - {"devices": [{"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "product": "thermostat-2", "batch": "018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d",
                    "hardware": "th2-rev-b", "stage": "inUse", "grade": "secret",
                    "lastContactAt": "2026-01-05T08:30:00.000Z", "softwareVersion": "1.4.2", "openAlarms": 0,
                    "bornAt": "2026-01-05T08:30:00.000Z", "changedAt": "2026-01-05T08:30:00.000Z"}],
                    "next": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d"}
            DeviceRow:
              type: object
              required: [device, serial, product, batch, hardware, stage, openAlarms, bornAt, changedAt]
              properties:
                device: {$ref: '#/components/schemas/Name'}
                serial: {type: string}
                product: {$ref: '#/components/schemas/Name'}
                batch: {$ref: '#/components/schemas/Name'}
                hardware: {type: string}
                stage: {$ref: '#/components/schemas/Stage'}
                grade: {$ref: '#/components/schemas/Grade'}
                owner: {$ref: '#/components/schemas/OwnerName'}
                lastContactAt: {$ref: '#/components/schemas/Timestamp'}
                softwareVersion: {type: string}
                openAlarms: {type: integer}
                bornAt: {$ref: '#/components/schemas/Timestamp'}
                changedAt: {$ref: '#/components/schemas/Timestamp'}
            OwnerName:
              type: object
              description: "For the maker's administrators and the owner itself."
              required: [owner, name, kind]
              properties:
                owner: {$ref: '#/components/schemas/Name'}
                name: {type: string}
                kind: {type: string, enum: [person, organisation]}
              examples:
                - {"owner": "018f3c18-aaaa-7e44-9d3e-6f8b1a5d7c9e", "name": "Ada", "kind": "person"}

        """#
}
