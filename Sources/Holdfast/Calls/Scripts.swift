package import RedisLink

/// The Lua scripts, each a file of its own in the folder of this name, embedded when the package is built.
package enum Scripts {
    package static let acquire = script("acquire", PackageResources.acquire_lua)
    package static let release = script("release", PackageResources.release_lua)
    package static let leave = script("leave", PackageResources.leave_lua)
    package static let forceRelease = script("force_release", PackageResources.force_release_lua)
    package static let waiters = script("waiters", PackageResources.waiters_lua)
    package static let renew = script("renew", PackageResources.renew_lua)
    package static let inspect = script("inspect", PackageResources.inspect_lua)
    package static let beat = script("beat", PackageResources.beat_lua)
    package static let tick = script("tick", PackageResources.tick_lua)
    package static let finish = script("finish", PackageResources.finish_lua)
    package static let steerWorker = script("steer_worker", PackageResources.steer_worker_lua)
    package static let enqueue = script("enqueue", PackageResources.enqueue_lua)
    package static let claim = script("claim", PackageResources.claim_lua)
    package static let renewClaims = script("renew_claims", PackageResources.renew_claims_lua)
    package static let settle = script("settle", PackageResources.settle_lua)
    package static let replay = script("replay", PackageResources.replay_lua)
    package static let pause = script("pause", PackageResources.pause_lua)
    package static let look = script("look", PackageResources.look_lua)
    package static let findMessage = script("find_message", PackageResources.find_message_lua)
    package static let deadLetters = script("dead_letters", PackageResources.dead_letters_lua)
    package static let discard = script("discard", PackageResources.discard_lua)
    package static let giveBack = script("give_back", PackageResources.give_back_lua)
    package static let queueStats = script("queue_stats", PackageResources.queue_stats_lua)
    package static let complete = script("complete", PackageResources.complete_lua)
    package static let fencedWrite = script("fenced_write", PackageResources.fenced_write_lua)
    package static let fencedRead = script("fenced_read", PackageResources.fenced_read_lua)

    /// A script cannot call another one, so what several share is included in each.
    static func script(_ name: String, _ source: [UInt8]) -> RedisScript {
        let shared = [
            "grant_next": PackageResources.grant_next_lua, "issue_fence": PackageResources.issue_fence_lua,
            "no_fence": PackageResources.no_fence_lua,
            "permissions": PackageResources.permissions_lua, "queue": PackageResources.queue_lua,
            "worker_data": PackageResources.worker_data_lua,
            "line": PackageResources.line_lua, "heal": PackageResources.heal_lua,
            "again": PackageResources.again_lua,
        ]
        let source = shared.reduce(into: String(decoding: source, as: UTF8.self)) { source, part in
            source = source.replacing(
                "-- include \(part.key).lua\n", with: String(decoding: part.value, as: UTF8.self))
        }
        return RedisScript(name: name, source: source)
    }
}
