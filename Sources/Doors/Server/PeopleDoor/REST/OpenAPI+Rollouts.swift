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
                check: {type: boolean, description: "The outside check is asked before each stage opens."}
                returnsFrom: {type: integer, minimum: 2,
                  description: "It takes devices back from that release to `sequence`, the one before."}
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
                pause: {type: string, enum: [asked, planned, tooFew, check, refused]}
                trouble: {type: string, description: "What the outside check said against it, or why nobody heard it."}
                asked: {type: integer, minimum: 1, description: "The stage that the outside check is asked about."}
                mayReturnTo: {type: integer, minimum: 1,
                  description: "The release that devices may go back to from this one; not in a list."}
                forecast: {$ref: '#/components/schemas/RolloutForecast'}
                planner: {type: string, description: "Name of who planned it; not in a list."}
                approver: {type: string, description: "Name of who approved it; not in a list."}
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
            RolloutForecast:
              type: object
              description: "How long it still takes, without what people and the outside check take; not in a list, nor of one that is over."
              required: [at, looks, isLookLikely, isChecked]
              properties:
                at: {$ref: '#/components/schemas/Timestamp'}
                stage: {$ref: '#/components/schemas/RolloutSpan'}
                whole: {$ref: '#/components/schemas/RolloutSpan'}
                obstacle: {type: string, enum: [approval, start, person, check, withdrawal],
                  description: "What it waits for beside time; the spans are as if that happened now."}
                looks: {type: array, items: {type: integer, minimum: 1}, description: "Stages behind which a person looks."}
                isLookLikely: {type: boolean, description: "Too few will have answered, so that a person is asked."}
                isChecked: {type: boolean, description: "The outside check is asked before each stage that is to open."}
              examples:
                - {"at": "2026-01-05T09:30:00.000Z", "stage": {"soonest": "2026-01-05T12:30:00.000Z", "likely": "2026-01-05T14:00:00.000Z",
                    "latest": "2026-01-08T08:30:00.000Z"}, "looks": [1], "isLookLikely": false, "isChecked": false}
            RolloutSpan:
              type: object
              required: [soonest, latest]
              properties:
                soonest: {$ref: '#/components/schemas/Timestamp'}
                likely: {$ref: '#/components/schemas/Timestamp'}
                latest: {$ref: '#/components/schemas/Timestamp'}
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
            UpdateHistory:
              type: object
              required: [device, serial, entries, rollouts]
              properties:
                device: {$ref: '#/components/schemas/Name'}
                serial: {type: string}
                entries:
                  type: array
                  description: "Offered, installed, refused, given up or taken back; the last fifty."
                  items: {$ref: '#/components/schemas/LedgerEntryView'}
                rollouts:
                  type: array
                  description: "For the maker's people only."
                  items: {$ref: '#/components/schemas/RolloutPart'}
              examples:
                - {"device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d", "serial": "THERMOSTAT-2-7KQ2M9XA", "entries": [{
                    "index": 17, "at": "2026-01-05T08:30:00.000Z", "device": "018f3c1a-7b2e-7c11-9d0a-3b5e8f2a4c6d",
                    "serial": "THERMOSTAT-2-7KQ2M9XA", "byRole": "system", "kind": "updateOffered",
                    "sentence": "Release 7 was offered to it.", "isPublished": true}], "rollouts": [{
                    "rollout": "018f3c1a-cccc-7a11-8b2c-3d4e5f6a7b8c", "sequence": 7, "stage": 1, "state": "offered",
                    "at": "2026-01-05T08:30:00.000Z"}]}
            RolloutPart:
              type: object
              required: [rollout, sequence, stage, state, at]
              properties:
                rollout: {$ref: '#/components/schemas/Name'}
                sequence: {type: integer, minimum: 1}
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
            ReturnRollout: {$ref: '#/components/schemas/ApproveRollout'}
            ReturnRolloutAnswer: {$ref: '#/components/schemas/PlanRolloutAnswer'}
            GroupView:
              type: object
              required: [group, selector, at]
              properties:
                group: {$ref: '#/components/schemas/Name'}
                selector: {type: string, maxLength: 4096}
                at: {$ref: '#/components/schemas/Timestamp'}
            GroupList:
              type: object
              required: [groups]
              properties:
                groups: {type: array, items: {$ref: '#/components/schemas/GroupView'}}
              examples:
                - {"groups": [{"group": "canaries", "selector": "label.ring = canary and seen < 7d",
                    "at": "2026-01-05T08:30:00.000Z"}]}
            LabelDevices:
              type: object
              required: [devices]
              properties:
                devices: {type: array, maxItems: 1000, items: {type: string}, description: "Names or serials."}
                labels: {type: object, maxProperties: 16, additionalProperties: {type: string, minLength: 1}}
                without: {type: array, maxItems: 16, items: {type: string}, description: "Labels to take off."}
              examples:
                - {"devices": ["THERMOSTAT-2-7KQ2M9XA"], "labels": {"ring": "canary"}, "without": ["site"]}
            LabelDevicesAnswer:
              type: object
              required: [changed]
              properties:
                changed: {type: integer}
              examples:
                - {"changed": 1}
            SetGroup:
              type: object
              required: [group, selector]
              properties:
                group: {type: string, pattern: '^[a-z][a-z0-9-]{0,31}$'}
                selector: {type: string, maxLength: 4096}
              examples:
                - {"group": "canaries", "selector": "label.ring = canary and seen < 7d"}
            SetGroupAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}
            RemoveGroup:
              type: object
              required: [group]
              properties:
                group: {type: string}
              examples:
                - {"group": "canaries"}
            RemoveGroupAnswer: {$ref: '#/components/schemas/ApproveRolloutAnswer'}
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
