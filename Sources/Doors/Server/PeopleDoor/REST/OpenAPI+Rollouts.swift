/// Rollouts: their plans, their numbers, and what is done with them.
extension OpenAPI {
    static let rolloutSchemas = #"""
            RolloutPlan:
              type: object
              description: "Shares are parts of 10000. The last stage is the rest of the fleet: share 10000, no selector, no pause."
              required: [product, sequence, selector, stages, soakSeconds, deadlineSeconds, aliveSeconds, failureLine,
                minimumSample, spreadSeconds]
              properties:
                product: {$ref: '#/components/schemas/Name'}
                sequence: {type: integer, minimum: 1}
                selector: {type: string, maxLength: 4096, description: "Which devices of the product; all for every one."}
                stages: {type: array, minItems: 1, maxItems: 20, items: {$ref: '#/components/schemas/RolloutStage'}}
                soakSeconds: {type: integer, minimum: 0, description: "Alive and quiet for so long after it confirmed."}
                deadlineSeconds: {type: integer, minimum: 1, description: "Silence for so long after the offer is a failure."}
                aliveSeconds: {type: integer, minimum: 1, description: "Only who made contact within so many seconds is offered it."}
                failureLine: {type: integer, minimum: 1, maximum: 9999,
                  description: "It stops when the failure share is surely at least this."}
                minimumSample: {type: integer, minimum: 1, description: "Answers without which nothing is concluded."}
                spreadSeconds: {type: integer, minimum: 0, description: "The offers of a stage are spread over so long."}
                window: {$ref: '#/components/schemas/MaintenanceWindow'}
              examples:
                - {"product": "thermostat-2", "sequence": 7, "selector": "hardware = th2-rev-b and not posture.channel = beta",
                    "stages": [{"share": 100, "pause": true}, {"share": 1000}, {"share": 10000}], "soakSeconds": 86400,
                    "deadlineSeconds": 259200, "aliveSeconds": 86400, "failureLine": 200, "minimumSample": 20,
                    "spreadSeconds": 3600, "window": {"from": 120, "to": 300, "zone": "Europe/Berlin"}}
            RolloutStage:
              type: object
              required: [share]
              properties:
                share: {type: integer, minimum: 1, maximum: 10000}
                selector: {type: string, maxLength: 4096}
                pause: {type: boolean, description: "Behind it a person looks."}
            MaintenanceWindow:
              type: object
              description: "In the device's own time, if its posture names a timeZone."
              required: [from, to, zone]
              properties:
                days: {type: array, items: {type: integer, minimum: 1, maximum: 7}, description: "1 is Monday; all if missing."}
                from: {type: integer, minimum: 0, maximum: 1439, description: "Minutes since midnight."}
                to: {type: integer, minimum: 0, maximum: 1439}
                zone: {type: string, description: "UTC, +02:00 or Europe/Berlin, for devices that name none."}
            RolloutCounts:
              type: object
              required: [waiting, asleep, offered, soaking, done, failed, silent, left]
              properties:
                waiting: {type: integer}
                asleep: {type: integer, description: "Not heard of lately; not offered anything until they are."}
                offered: {type: integer}
                soaking: {type: integer}
                done: {type: integer}
                failed: {type: integer}
                silent: {type: integer}
                left: {type: integer, description: "Given away, retired, or given another release."}
            RolloutShare:
              type: object
              required: [failures, answers, lower, upper, line, isTooFew]
              properties:
                failures: {type: integer}
                answers: {type: integer}
                lower: {type: integer, description: "95 % bound, in parts of 10000."}
                upper: {type: integer}
                line: {type: integer}
                isTooFew: {type: boolean}
            RolloutView:
              type: object
              required: [rollout, release, status, plan, plannedAt, stage, isGathered, counts, ofStage, ofAll]
              properties:
                rollout: {$ref: '#/components/schemas/Name'}
                release: {$ref: '#/components/schemas/Digest'}
                status: {type: string, enum: [planned, approved, running, paused, stopped, complete, closed]}
                pause: {type: string, enum: [asked, planned, tooFew]}
                plan: {$ref: '#/components/schemas/RolloutPlan'}
                plannedAt: {$ref: '#/components/schemas/Timestamp'}
                plannedBy: {$ref: '#/components/schemas/Name'}
                approvedBy: {$ref: '#/components/schemas/Name'}
                stage: {type: integer, minimum: 1}
                stageOpened: {$ref: '#/components/schemas/Timestamp'}
                isGathered: {type: boolean, description: "Every device of the open stage is found."}
                counts: {type: array, items: {$ref: '#/components/schemas/RolloutCounts'}}
                ofStage: {$ref: '#/components/schemas/RolloutShare'}
                ofAll: {$ref: '#/components/schemas/RolloutShare'}
              examples:
                - {"rollout": "018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c",
                    "release": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "status": "running",
                    "plan": {"product": "thermostat-2", "sequence": 7, "selector": "all", "stages": [{"share": 10000}],
                    "soakSeconds": 86400, "deadlineSeconds": 259200, "aliveSeconds": 86400, "failureLine": 200,
                    "minimumSample": 20, "spreadSeconds": 0}, "plannedAt": "2026-01-05T08:30:00.000Z", "stage": 1,
                    "stageOpened": "2026-01-05T09:30:00.000Z", "isGathered": true, "counts": [{"waiting": 0, "asleep": 2,
                    "offered": 3, "soaking": 10, "done": 5, "failed": 0, "silent": 0, "left": 0}],
                    "ofStage": {"failures": 0, "answers": 15, "lower": 0, "upper": 1810, "line": 200, "isTooFew": true},
                    "ofAll": {"failures": 0, "answers": 15, "lower": 0, "upper": 1810, "line": 200, "isTooFew": true}}
            RolloutList:
              type: object
              required: [rollouts]
              properties:
                rollouts: {type: array, items: {$ref: '#/components/schemas/RolloutView'}}
            RolloutDevicePage:
              type: object
              required: [devices]
              properties:
                devices: {type: array, items: {$ref: '#/components/schemas/RolloutDevice'}}
                next: {$ref: '#/components/schemas/Name'}
              examples:
                - {"devices": [{"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA",
                    "stage": 1, "state": "failed", "at": "2026-01-05T08:30:00.000Z"}]}
            RolloutDevice:
              type: object
              required: [device, serial, stage, state, at]
              properties:
                device: {$ref: '#/components/schemas/Name'}
                serial: {type: string}
                stage: {type: integer, minimum: 1}
                state: {type: string, enum: [waiting, asleep, offered, soaking, done, failed, silent, left]}
                at: {$ref: '#/components/schemas/Timestamp'}
            PlanRollout:
              type: object
              required: [plan]
              properties:
                plan: {$ref: '#/components/schemas/RolloutPlan'}
            PlanRolloutAnswer:
              type: object
              required: [rollout]
              properties:
                rollout: {$ref: '#/components/schemas/Name'}
              examples:
                - {"rollout": "018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c"}
            TryRollout:
              type: object
              required: [plan]
              properties:
                plan: {$ref: '#/components/schemas/RolloutPlan'}
                rollout: {$ref: '#/components/schemas/Name'}
                after: {$ref: '#/components/schemas/Name'}
            TryRolloutAnswer:
              type: object
              required: [stages]
              properties:
                stages: {type: array, items: {type: integer}, description: "Devices of each stage, of those looked at."}
                next: {$ref: '#/components/schemas/Name'}
              examples:
                - {"stages": [48, 452, 4500], "next": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d"}
            ApproveRollout:
              type: object
              required: [rollout]
              properties:
                rollout: {$ref: '#/components/schemas/Name'}
              examples:
                - {"rollout": "018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c"}
            StartRollout: {$ref: '#/components/schemas/ApproveRollout'}
            PauseRollout: {$ref: '#/components/schemas/ApproveRollout'}
            ResumeRollout: {$ref: '#/components/schemas/ApproveRollout'}
            StopRollout:
              type: object
              required: [rollout, confirm]
              properties:
                rollout: {$ref: '#/components/schemas/Name'}
                confirm: {type: string, description: "The product's name, typed again."}
              examples:
                - {"rollout": "018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c", "confirm": "thermostat-2"}
            HoldUpdates:
              type: object
              required: [device]
              properties:
                device: {type: string, description: "Its name or serial."}
                highest: {type: integer, minimum: 0,
                  description: "The highest release that it may be offered; what it runs now if left out."}
              examples:
                - {"device": "THERMOSTAT-2-7KQ2M9XA", "highest": 6}
            HoldUpdatesAnswer:
              type: object
              required: [highest]
              properties:
                highest: {type: integer}
              examples:
                - {"highest": 6}
            ReleaseUpdates:
              type: object
              required: [device]
              properties:
                device: {type: string, description: "Its name or serial."}
              examples:
                - {"device": "THERMOSTAT-2-7KQ2M9XA"}
            ReleaseUpdatesAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}
            ApproveRolloutAnswer:
              type: object
              description: "Done."
              examples:
                - {}
            StartRolloutAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}
            PauseRolloutAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}
            ResumeRolloutAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}
            StopRolloutAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}

        """#
}
