/// Lists, and what stands in them.
extension OpenAPI {
    static let listSchemas = #"""
            WhoAmI:
              type: object
              required: [role, permissions]
              properties:
                person: {$ref: '#/components/schemas/Name'}
                name: {type: string}
                role: {$ref: '#/components/schemas/Role'}
                owner: {$ref: '#/components/schemas/Name'}
                permissions: {type: array, items: {$ref: '#/components/schemas/Permission'}}
              examples:
                - {"person": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f", "name": "grace", "role": "makerAdmin",
                    "permissions": ["readFleet", "administer"]}
            ProductView:
              type: object
              required: [product, title, hardware, minimumGrade, alarmBeforePairing, publishedAt]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                title: {type: string}
                hardware: {type: string}
                minimumGrade: {$ref: '#/components/schemas/Grade'}
                alarmBeforePairing: {type: boolean}
                publishedAt: {$ref: '#/components/schemas/Timestamp'}
              examples:
                - {"product": "thermostat-2", "title": "Thermostat 2", "hardware": "th2-rev-b",
                    "minimumGrade": "secret", "alarmBeforePairing": false, "publishedAt": "2026-01-05T08:30:00.000Z"}
            ProductList:
              type: object
              required: [products]
              properties:
                products: {type: array, items: {$ref: '#/components/schemas/ProductView'}}
            BatchView:
              type: object
              required: [batch, product, quantity, admitted, station, authority, openedAt]
              properties:
                batch: {$ref: '#/components/schemas/Name'}
                product: {$ref: '#/components/schemas/Name'}
                quantity: {type: integer}
                admitted: {type: integer}
                station: {type: string}
                authority: {type: string}
                openedAt: {$ref: '#/components/schemas/Timestamp'}
              examples:
                - {"batch": "018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d", "product": "thermostat-2", "quantity": 25,
                    "admitted": 25, "station": "line-1", "authority": "birth-018f3c19-1234-7d33-8c2d-5e7a0f4c6b8d",
                    "openedAt": "2026-01-05T08:30:00.000Z"}
            BatchList:
              type: object
              required: [batches]
              properties:
                batches: {type: array, items: {$ref: '#/components/schemas/BatchView'}}
            PersonView:
              type: object
              required: [person, name, role, addedAt, tokens]
              properties:
                person: {$ref: '#/components/schemas/Name'}
                name: {type: string}
                role: {$ref: '#/components/schemas/Role'}
                owner: {$ref: '#/components/schemas/Name'}
                addedAt: {$ref: '#/components/schemas/Timestamp'}
                tokens: {type: array, items: {$ref: '#/components/schemas/TokenView'}}
              examples:
                - {"person": "018f3c17-bbbb-7f55-8e4f-7a9c2b6e8d0f", "name": "grace", "role": "makerAdmin",
                    "addedAt": "2026-01-05T08:30:00.000Z", "tokens": [{"label": "ci",
                    "issuedAt": "2026-01-05T08:30:00.000Z", "expires": "2027-01-05T08:30:00.000Z"}]}
            TokenView:
              type: object
              required: [label, issuedAt, expires]
              properties:
                label: {type: string}
                issuedAt: {$ref: '#/components/schemas/Timestamp'}
                expires: {$ref: '#/components/schemas/Timestamp'}
            PeopleList:
              type: object
              required: [people]
              properties:
                people: {type: array, items: {$ref: '#/components/schemas/PersonView'}}
            OwnerView:
              type: object
              required: [owner, name, kind, addedAt]
              properties:
                owner: {$ref: '#/components/schemas/Name'}
                name: {type: string}
                kind: {type: string, enum: [person, organisation]}
                addedAt: {$ref: '#/components/schemas/Timestamp'}
              examples:
                - {"owner": "018f3c18-aaaa-7e44-9d3e-6f8b1a5d7c9e", "name": "Ada", "kind": "person",
                    "addedAt": "2026-01-05T08:30:00.000Z"}
            OwnerList:
              type: object
              required: [owners]
              properties:
                owners: {type: array, items: {$ref: '#/components/schemas/OwnerView'}}
            AuthorityView:
              type: object
              required: [name, kind, certificate, hasKey]
              properties:
                name: {type: string}
                kind: {type: string, enum: [root, issuing, service, birth, link]}
                certificate: {$ref: '#/components/schemas/CertificateView'}
                hasKey: {type: boolean}
                revocationList: {$ref: '#/components/schemas/RevocationListState'}
              examples:
                - {"name": "operational-issuing-1", "kind": "issuing", "certificate": {"kind": "authority",
                    "serial": "4ac1", "authority": "operational-issuing-1", "notBefore": "2026-01-05T08:30:00.000Z",
                    "notAfter": "2026-04-05T08:30:00.000Z", "state": "good",
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "tenure": "018f3c1b-0000-7a22-8b1c-4d6f9e3b5a7c"}, "hasKey": true, "revocationList": {"number": 3,
                    "thisUpdate": "2026-01-05T08:30:00.000Z", "nextUpdate": "2026-01-05T08:30:00.000Z"}}
            RevocationListState:
              type: object
              required: [number, thisUpdate, nextUpdate]
              properties:
                number: {type: integer}
                thisUpdate: {$ref: '#/components/schemas/Timestamp'}
                nextUpdate: {$ref: '#/components/schemas/Timestamp'}
            AuthorityList:
              type: object
              required: [authorities]
              properties:
                authorities: {type: array, items: {$ref: '#/components/schemas/AuthorityView'}}
            Seal:
              type: object
              description: "A DSSE v1.0 envelope."
              required: [payloadType, payload, signatures]
              properties:
                payloadType: {type: string}
                payload: {type: string, description: "Base64."}
                signatures: {type: array, items: {$ref: '#/components/schemas/SealSignature'}}
              examples:
                - {"payloadType": "application/vnd.lifelong.permit+json", "payload": "e30=",
                    "signatures": [{"keyid": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "sig": "MEUCIQ=="}]}
            SealSignature:
              type: object
              required: [keyid, sig]
              properties:
                keyid: {type: string}
                sig: {type: string, description: "Base64."}
            ArtifactAnswer:
              type: object
              required: [sha256, size]
              properties:
                sha256: {$ref: '#/components/schemas/Digest'}
                size: {type: integer}
              examples:
                - {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "size": 4096}

        """#
}
