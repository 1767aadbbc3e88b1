import HTTPTypes
import Hummingbird
import Passport
import Registry
import Store
import Use
import Wire

/// Distribution sets: releases, each of one software module. Making one publishes the module's draft; assigning one offers the release.
extension Management {
    var sets: [PeopleRoute] {
        let path = "/distributionsets"
        return [
            route(
                .get, path, "Releases, as distribution sets.", needs: [.readFleet], query: Paging.filtered,
                reply: "HawkBitSetPage"
            ) { call in
                let paging = try Paging(call.query, sortedBy: ["id"], descending: false)
                let releases = try await door.reading.numberedReleases(as: call.principal)
                let filter = try Self.setFilter(call)
                let all = releases.filter(filter).sorted {
                    paging.descending ? $0.number > $1.number : $0.number < $1.number
                }
                return try await house.read { rows in try paging.page(of: all) { try show($0, call, in: rows) } }
            },
            route(
                .post, path, "Publishes the draft that is the set's one module.", needs: [.publish],
                request: "HawkBitSets", reply: "HawkBitSetList", status: 201
            ) { try await [publish($0)] },
            route(.get, path + "/{set}", "One release.", needs: [.readFleet], reply: "HawkBitSet") { call in
                let release = try await release(call)
                return try await house.read { try show(release, call, in: $0) }
            },
            route(
                .delete, path + "/{set}", "Refuses, because releases are not deleted.", needs: nil, reply: "none",
                status: 204
            ) { _ in throw Self.published },
            route(
                .post, path + "/{set}/assignedTargets", "Offers a release to devices.", needs: [.publish],
                request: "HawkBitAssignments", reply: "HawkBitAssignmentAnswer"
            ) { try await assign($0) },
        ]
    }

    private static func setFilter(_ call: Call) throws -> (Reading.NumberedRelease) -> Bool {
        guard let text = call.query.text("q") else { return { _ in true } }
        let asked = try RSQL(text, fields: ["id", "name", "version"])
        return { release in
            asked.comparisons.allSatisfy { comparison in
                switch comparison.field {
                case "id": comparison.holds("\(release.number)")
                case "name": comparison.holds(release.product.text)
                default: comparison.holds(release.version)
                }
            }
        }
    }

    private func release(_ call: Call) async throws -> Reading.NumberedRelease {
        let number = try call.number("set")
        guard let release = try await house.read({ try Reading.release(number: number, in: $0) }) else {
            throw Refusal(
                .notFound, "There is no distribution set \(number).", hint: "List them: GET /rest/v1/distributionsets")
        }
        return release
    }

    private func show(_ release: Reading.NumberedRelease, _ call: Call, in rows: any Rows) throws
        -> Document.DistributionSet
    {
        let module = try Self.software(release, in: rows)
        let stored = try StoredRelease.find(release.sequence, of: release.product, in: rows)
        return Document.DistributionSet(
            id: release.number, name: release.product.text, version: release.version, type: module.kind,
            createdAt: release.publishedAt.milliseconds, valid: try stored?.isOffered(in: rows) ?? false,
            modules: [show(module, call)], _links: ["self": call.link("/distributionsets/\(release.number)")])
    }

    private func publish(_ call: Call) async throws -> Document.DistributionSet {
        let asked = try Self.one(of: try await call.body([ManagementSet].self))
        guard asked.requiredMigrationStep != true else {
            throw Self.refuse(
                "A set cannot be a required step.",
                "Say which versions a release may follow: lifelong release publish --from")
        }
        let part = try Self.one(of: asked.modules ?? [])
        let module = try await software(part.id)
        guard case .draft(let draft) = module else {
            throw Refusal(
                .conflict, "The module \(part.id) is published.", hint: "Assign its distribution set.",
                rule: "release: published")
        }
        guard asked.version == draft.version else {
            throw Refusal(
                .malformed, "The set's version is not its module's.", hint: "Give both the version \(draft.version).",
                rule: "hawkBit: one version")
        }
        let digest = try await house.perform(PublishDraft(draft: draft.id), as: call.principal).release
        return try await house.read { rows in
            guard let release = try Reading.number(of: digest, in: rows) else { throw Row.damaged("release") }
            return try show(release, call, in: rows)
        }
    }

    // MARK: - Assigning

    private static func demandPlain(_ one: ManagementAssignment) throws(Refusal) {
        guard one.type ?? "forced" == "forced" else {
            throw refuse(
                "An assignment of the type \"\(one.type?.prefix(32) ?? "")\" is not offered.",
                "Leave the type out: what is offered is to be taken. For stages and hours plan a rollout: lifelong rollout plan"
            )
        }
        guard one.maintenanceWindow == nil, one.confirmationRequired != true, one.weight == nil else {
            throw refuse(
                "Windows, confirmations and weights are not an assignment's.",
                "Plan a rollout with a window (lifelong rollout plan), or set confirmUpdates in lifelong.yaml.")
        }
    }

    private func assign(_ call: Call) async throws -> Document.Assignment {
        let asked = try await call.body([ManagementAssignment].self)
        for one in asked { try Self.demandPlain(one) }
        guard (1...OfferUpdate.limit).contains(asked.count) else {
            throw Refusal(.malformed, "The list has \(asked.count) targets.", hint: "Send 1 to \(OfferUpdate.limit).")
        }
        let release = try await release(call)
        let answer = try await house.perform(
            OfferUpdate(product: release.product, sequence: release.sequence, devices: asked.map(\.id)),
            as: call.principal)
        return try await house.read { rows in
            var items: [Document.Assignment.Item] = []
            var have = 0
            var seen: Set<DeviceID> = []
            for name in asked.map(\.id) {
                let device = try Device.require(name, in: rows)
                guard seen.insert(device.id).inserted else { continue }
                if device.passport.installed?.release == release.digest { have += 1 }
                guard device.passport.offeredUpdate?.release == release.digest,
                    let action = try UpdateAction.all(
                        of: device, confirming: house.settings.confirmUpdates, at: house.clock(), in: rows
                    ).first
                else { continue }
                items.append(
                    .init(id: action.id, _links: ["self": call.link("/targets/\(device.serial)/actions/\(action.id)")]))
            }
            let already = have + max(0, items.count - answer.offered)
            guard answer.offered + already > 0 else {
                throw Refusal(
                    .conflict, answer.why ?? "The release may be offered to none of the devices.",
                    hint: "Look at what they are, where they stand, what they run, and whether they are held.",
                    rule: "hawkBit: assignment")
            }
            return Document.Assignment(
                assigned: answer.offered, alreadyAssigned: already, total: answer.offered + already,
                assignedActions: items)
        }
    }
}
