/// What the actions of releases, offers and stock clients take and answer.
extension OpenAPI {
    static let stockSchemas = #"""
            PublishRelease:
              type: object
              required: [product, sequence, version, hardware, sha256, size]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                sequence: {type: integer}
                version: {type: string}
                hardware: {type: array, items: {type: string}}
                sha256: {description: "Of what was uploaded.", $ref: '#/components/schemas/Digest'}
                size: {type: integer}
                encryption: {$ref: '#/components/schemas/PayloadSecret'}
                from: {type: array, items: {type: string}, description: "Versions that it may follow; left out: any."}
                bootloader: {type: array, items: {type: string}, description: "Versions that it starts under; left out: any."}
                network: {type: array, items: {type: string}, description: "Versions of the network module; left out: any."}
                sbom: {$ref: '#/components/schemas/Digest', description: "Of a bill of materials that was uploaded like the artifact."}
                provenance: {$ref: '#/components/schemas/Digest', description: "Of a provenance that was uploaded like the artifact."}
                mayReturn: {type: boolean, description: "A device that runs it may go back to the release before it."}
              examples:
                - {"product": "thermostat-2", "sequence": 7, "version": "1.4.2", "hardware": ["th2-rev-b"],
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "size": 4096}
            PayloadSecret:
              type: object
              description: "What opens an artifact that was uploaded encrypted; wrapped by the key store, and in no answer."
              required: [kind, secret, sha256, size]
              properties:
                kind: {type: string, enum: [chunks, rauc, swupdate]}
                secret: {type: string, description: "Base64: of chunks the payload key, of a RAUC bundle the signed message from its end, of an archive of SWUpdate its first entry."}
                sha256: {description: "Of the artifact as its maker has it.", $ref: '#/components/schemas/Digest'}
                size: {type: integer}
              examples:
                - {"kind": "chunks", "secret": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "size": 1000}
            PublishReleaseAnswer:
              type: object
              required: [release]
              properties:
                release: {$ref: '#/components/schemas/Digest'}
              examples:
                - {"release": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
            OfferUpdate:
              type: object
              required: [product, sequence]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                sequence: {type: integer}
                devices: {type: array, items: {type: string}}
                remedy: {type: boolean, description: 'Offer it to devices that are quarantined or being handed over, too'}
                after: {description: "`next` of the answer before.", $ref: '#/components/schemas/Name'}
              examples:
                - {"product": "thermostat-2", "sequence": 7}
            OfferUpdateAnswer:
              type: object
              required: [offered, skipped, more]
              properties:
                offered: {type: integer}
                skipped: {type: integer}
                more: {type: boolean, description: "Ask again, with `next` as `after`."}
                next: {$ref: '#/components/schemas/Name'}
                why: {type: string, description: "The first of the skipped devices that it is not for, and why."}
              examples:
                - {"offered": 1000, "skipped": 25, "more": false}
            WithdrawUpdate:
              type: object
              required: [device]
              properties:
                device: {type: string, description: "Its name or serial."}
                force: {type: boolean, description: "Do not wait for a client that has begun."}
              examples:
                - {"device": "THERMOSTAT-2-7KQ2M9XA"}
            WithdrawUpdateAnswer:
              type: object
              required: [withdrawn]
              properties:
                withdrawn: {type: boolean, description: "False: its client has begun, and was asked to stop."}
              examples:
                - {"withdrawn": true}
            IssueDeviceToken:
              type: object
              required: [device]
              properties:
                device: {type: string, description: "Its name or serial."}
              examples:
                - {"device": "THERMOSTAT-2-7KQ2M9XA"}
            IssueDeviceTokenAnswer:
              type: object
              required: [token]
              properties:
                token: {type: string, description: "For `Authorization: TargetToken …`; shown once."}
              examples:
                - {"token": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
            AdoptDeviceTokens:
              type: object
              required: [tokens]
              properties:
                tokens: {type: array, maxItems: 1000, description: "Each with a token or a key.", items: {type: object,
                    required: [device], properties: {device: {type: string}, token: {type: string}, key: {type: string,
                    description: "Of a Mender client: Base64 of its DER, a dot, and its signature: docs/stock-clients.md."}}}}
                dryRun: {type: boolean, description: "Only say what would be done."}
              examples:
                - {"tokens": [{"device": "THERMOSTAT-2-7KQ2M9XA", "token": "d6ae2d6cc6bc2b1ce0d9a5d6b4ad93f4"}],
                    "dryRun": true}
            AdoptDeviceTokensAnswer:
              type: object
              required: [adopted, refused]
              properties:
                adopted: {type: integer}
                refused: {type: array, items: {type: object, required: [device, reason],
                    properties: {device: {type: string}, reason: {type: string}}}}
              examples:
                - {"adopted": 1, "refused": []}
            SetGatewayToken:
              type: object
              required: [product, allowed]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                allowed: {type: boolean, description: "False ends the token that there is."}
                token: {type: string, description: "One that the devices have already; made if left out."}
              examples:
                - {"product": "thermostat-2", "allowed": true}
            SetGatewayTokenAnswer:
              type: object
              properties:
                token: {type: string, description: "For `Authorization: GatewayToken …`; shown once."}
              examples:
                - {"token": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
                - {}

        """#
}
