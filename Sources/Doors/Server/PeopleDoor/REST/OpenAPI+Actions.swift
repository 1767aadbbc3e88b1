/// What actions take and answer.
extension OpenAPI {
    static let actionSchemas = #"""
            PublishProduct:
              type: object
              required: [product, title, hardware, minimumGrade, alarmBeforePairing]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                title: {type: string}
                hardware: {type: string}
                minimumGrade: {$ref: '#/components/schemas/Grade'}
                alarmBeforePairing: {type: boolean}
                admission:
                  type: object
                  description: "What it asks of a release; left out: what it asked before, or nothing."
                  required: [sbom, provenance, builders]
                  properties:
                    sbom: {type: boolean, description: "Whether a release needs a bill of materials."}
                    provenance: {type: boolean, description: "Whether a release needs a provenance."}
                    builders: {type: array, maxItems: 16, items: {$ref: '#/components/schemas/PublicKey'}}
                    artifactKeys: {type: array, maxItems: 16, items: {$ref: '#/components/schemas/PublicKey'},
                        description: "Of which one has to sign its Mender artifacts; left out: its signers' keys."}
              examples:
                - {"product": "thermostat-2", "title": "Thermostat 2", "hardware": "th2-rev-b",
                    "minimumGrade": "secret", "alarmBeforePairing": false}
            PublishProductAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            OpenBatch:
              type: object
              required: [product, quantity, days, request]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                quantity: {type: integer, minimum: 1, maximum: 1000000}
                days: {type: integer, minimum: 1, maximum: 3650}
                request: {$ref: '#/components/schemas/StationRequest'}
              examples:
                - {"product": "thermostat-2", "quantity": 25, "days": 30, "request": {"name": "line-1",
                    "birthAuthorityRequest": "MIIB", "stationKey": "MFkw"}}
            OpenBatchAnswer:
              type: object
              required: [batch, permit]
              properties:
                batch: {$ref: '#/components/schemas/Name'}
                permit: {$ref: '#/components/schemas/Seal'}
                successions: {type: array, items: {$ref: '#/components/schemas/Seal'},
                  description: "How the keys that sign permits were succeeded, the oldest first; put beside the permit's
                    members in the file for the station."}
              examples:
                - {"batch": "018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d",
                    "permit": {"payloadType": "application/vnd.lifelong.permit+json", "payload": "e30=",
                    "signatures": [{"keyid": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "sig": "MEUCIQ=="}]}}
            StationRequest:
              type: object
              description: "What lifelong station init wrote."
              required: [name, birthAuthorityRequest, stationKey]
              properties:
                name: {type: string}
                birthAuthorityRequest: {type: string, description: "Base64 of a PKCS#10 request."}
                stationKey: {type: string, description: "Base64 SPKI."}
            AdmitBirths:
              type: object
              required: [manifest]
              properties:
                manifest: {$ref: '#/components/schemas/Seal'}
              examples:
                - {"manifest": {"payloadType": "application/vnd.lifelong.births+json", "payload": "e30=",
                    "signatures": [{"keyid": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "sig": "MEUCIQ=="}]}}
            AdmitBirthsAnswer:
              type: object
              required: [batch, admitted, known, refused]
              properties:
                batch: {$ref: '#/components/schemas/Name'}
                admitted: {type: integer}
                known: {type: integer}
                refused: {type: array, items: {type: object, required: [serial, reason],
                    properties: {serial: {type: string}, reason: {type: string}}}}
              examples:
                - {"batch": "018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d", "admitted": 24, "known": 0,
                    "refused": [{"serial": "THERMOSTAT-2-7KQ2M9XA", "reason": "Another device has this serial."}]}
            ShipDevices:
              type: object
              description: "Either devices or a batch, at most 10000 in one call. If one of them cannot be shipped none is. They are
                changed in groups: cut off in between, the same call goes on with the rest."
              properties:
                devices: {type: array, items: {type: string}}
                batch: {$ref: '#/components/schemas/Name'}
              examples:
                - {"batch": "018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d"}
            ShipDevicesAnswer:
              type: object
              required: [shipped, unchanged, more]
              properties:
                shipped: {type: integer}
                unchanged: {type: integer, description: "Had left before."}
                more: {type: boolean, description: "A batch larger than one call: call again."}
              examples:
                - {"shipped": 25, "unchanged": 0, "more": false}
            PairDevice:
              type: object
              required: [device, grade]
              properties:
                device: {type: string, description: "Its name or serial."}
                grade: {$ref: '#/components/schemas/Grade'}
                labelCode: {type: string}
                secret: {type: string}
              examples:
                - {"device": "THERMOSTAT-2-7KQ2M9XA", "grade": "declared"}
            PairDeviceAnswer:
              type: object
              required: [state]
              properties:
                state: {type: string, enum: [paired, waitingForProof]}
                tenure: {$ref: '#/components/schemas/Name'}
              examples:
                - {"state": "paired", "tenure": "018f3c1b-0000-7a22-8b1c-4d6f9e3b5a7c"}
            IssueEnrolmentCode:
              type: object
              required: [device]
              properties:
                device: {type: string, description: "Its name or serial."}
              examples:
                - {"device": "THERMOSTAT-2-7KQ2M9XA"}
            IssueEnrolmentCodeAnswer:
              type: object
              required: [code, expires]
              properties:
                code: {type: string, description: "Password of HTTP Basic at /.well-known/est/simpleenroll, once."}
                expires: {type: string, format: date-time}
              examples:
                - {"code": "7KQ2-M9XA-41ZB-8HTC", "expires": "2026-11-21T06:26:34.123Z"}
            UnlockPairing:
              type: object
              required: [device]
              properties:
                device: {type: string, description: "Its name or serial."}
              examples:
                - {"device": "THERMOSTAT-2-7KQ2M9XA"}
            UnlockPairingAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            ConfigureDevice:
              type: object
              required: [device, document]
              properties:
                device: {type: string, description: "Its name or serial."}
                document: {type: string, description: "A JSON object, as text."}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "document": "{\"interval\":60}"}
            ConfigureDeviceAnswer:
              type: object
              required: [version]
              properties:
                version: {type: integer}
              examples:
                - {"version": 1}
            QuarantineDevice:
              type: object
              required: [device, reason]
              properties:
                device: {type: string, description: "Its name or serial."}
                reason: {type: string, description: "One short word for the public ledger."}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "reason": "suspected-tamper"}
            QuarantineDeviceAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            RestoreDevice:
              type: object
              required: [device]
              properties:
                device: {type: string, description: "Its name or serial."}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d"}
            RestoreDeviceAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            OfferDevice:
              type: object
              required: [device, days]
              properties:
                device: {type: string, description: "Its name or serial."}
                days: {type: integer, minimum: 1, maximum: 90}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "days": 14}
            OfferDeviceAnswer:
              type: object
              required: [code]
              properties:
                code: {type: string, description: "Shown once; the buyer gives it."}
              examples:
                - {"code": "7KQ2-M9XA-3RTB"}
            WithdrawOffer:
              type: object
              required: [device]
              properties:
                device: {type: string, description: "Its name or serial."}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d"}
            WithdrawOfferAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            AcceptDevice:
              type: object
              required: [device, code]
              properties:
                device: {type: string, description: "Its name or serial."}
                code: {type: string}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "code": "7KQ2-M9XA-3RTB"}
            AcceptDeviceAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            RetireDevice:
              type: object
              required: [device, how]
              properties:
                device: {type: string, description: "Its name or serial."}
                how: {$ref: '#/components/schemas/RetirementKind'}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "how": "recycled"}
            RetireDeviceAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            AcknowledgeAlarm:
              type: object
              required: [index]
              properties:
                index: {type: integer, format: int64}
              examples:
                - {"index": 42}
            AcknowledgeAlarmAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            AddPerson:
              type: object
              required: [person, role]
              properties:
                person: {type: string, description: "Unique; what the person is called."}
                role: {$ref: '#/components/schemas/Role'}
                owner: {$ref: '#/components/schemas/Name'}
              examples:
                - {"person": "grace", "role": "makerAdmin"}
            AddPersonAnswer:
              type: object
              required: [person, signInPath]
              properties:
                person: {$ref: '#/components/schemas/Person'}
                signInPath: {type: string}
              examples:
                - {"person": {"id": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f", "name": "grace", "role": "makerAdmin"},
                    "signInPath": "/sign-in/ll_link_…"}
            Person:
              type: object
              required: [id, name, role]
              properties:
                id: {$ref: '#/components/schemas/Name'}
                name: {type: string}
                role: {$ref: '#/components/schemas/Role'}
                owner: {$ref: '#/components/schemas/Name'}
            AddOwner:
              type: object
              required: [owner, kind]
              properties:
                owner: {type: string, description: "Its name."}
                kind: {type: string, enum: [person, organisation]}
              examples:
                - {"owner": "Ada", "kind": "person"}
            AddOwnerAnswer:
              type: object
              required: [owner]
              properties:
                owner: {$ref: '#/components/schemas/Name'}
              examples:
                - {"owner": "018f3c18-aaaa-7e44-9d3e-6f8b1a5d7c9e"}
            SignInLink:
              type: object
              required: [person]
              properties:
                person: {type: string}
              examples:
                - {"person": "grace"}
            SignInLinkAnswer:
              type: object
              required: [signInPath]
              properties:
                signInPath: {type: string}
              examples:
                - {"signInPath": "/sign-in/ll_link_…"}
            IssueToken:
              type: object
              required: [person, label]
              properties:
                person: {type: string}
                label: {type: string}
              examples:
                - {"person": "grace", "label": "ci"}
            IssueTokenAnswer:
              type: object
              required: [token]
              properties:
                token: {type: string, description: "Shown once."}
              examples:
                - {"token": "ll_token_…"}
            RemovePerson:
              type: object
              required: [person]
              properties:
                person: {type: string}
              examples:
                - {"person": "grace"}
            RemovePersonAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            RevokeToken:
              type: object
              required: [person, label]
              properties:
                person: {type: string}
                label: {type: string}
              examples:
                - {"person": "grace", "label": "ci"}
            RevokeTokenAnswer:
              type: object
              description: "Done."
              examples:
                - {}

        """#
}
