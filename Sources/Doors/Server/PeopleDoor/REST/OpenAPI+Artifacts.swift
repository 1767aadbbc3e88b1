/// What is taken and answered where artifacts are removed.
extension OpenAPI {
    static let artifactSchemas = #"""
            PruneArtifacts:
              type: object
              required: [dryRun]
              properties:
                keepDays: {type: integer, minimum: 0, maximum: 36500, description: "Everything that was published or uploaded stays so many days; 30 if left out."}
                keepReleases: {type: integer, minimum: 1, maximum: 1000, description: "So many of the newest releases of each layer stay; 2 if left out."}
                dryRun: {type: boolean, description: "Nothing is removed; the answer says what would be."}
              examples:
                - {"keepDays": 90, "keepReleases": 3, "dryRun": true}
            PruneArtifactsAnswer:
              type: object
              description: "At most 500 artifacts of each list, the largest first; the counts are of all."
              required: [removed, kept, removedCount, removedBytes, keptCount, keptBytes, more]
              properties:
                removed: {type: array, items: {$ref: '#/components/schemas/PrunedArtifact'}}
                kept: {type: array, items: {$ref: '#/components/schemas/PrunedArtifact'}}
                removedCount: {type: integer}
                removedBytes: {type: integer}
                keptCount: {type: integer}
                keptBytes: {type: integer}
                more: {type: boolean, description: "Call again: not everything that may go is gone."}
              examples:
                - {"removed": [], "kept": [], "removedCount": 0, "removedBytes": 0, "keptCount": 0, "keptBytes": 0, "more": false}
            PrunedArtifact:
              type: object
              required: [artifact, size, releases, why]
              properties:
                artifact: {$ref: '#/components/schemas/Digest'}
                size: {type: integer}
                releases: {type: array, items: {type: string}, description: "Whose artifact it is: product and sequence."}
                why: {type: string}
              examples:
                - {"artifact": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "size": 4096,
                    "releases": ["thermostat-2 7"], "why": "runs on 12 devices"}

        """#
}
