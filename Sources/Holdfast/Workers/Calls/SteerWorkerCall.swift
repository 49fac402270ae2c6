import RedisLink

/// How a periodic worker is steered; each is a word of steer_worker.lua.
package enum SteeringVerb: String, Sendable {
    case trigger, pause, resume, reschedule, restore, rewind
}

/// What became of a call that steers a periodic worker.
package enum Steered: Sendable {
    /// No instance has ever run a worker of that name.
    case unknown
    /// It was so already.
    case unchanged
    case changed
    /// Its runs may overlap, so none can begin a delay after the last one.
    case overlapping
}

extension ScriptCall<Steered> {
    static func steer(
        _ name: String, _ verb: SteeringVerb, _ schedule: Schedule?, in keys: KeySpace
    ) throws(HoldfastError) -> Self {
        Self(
            Scripts.steerWorker, keys: [try WorkerKeys(name, concurrency: 1, in: keys).worker],
            [
                .string(verb.rawValue), .string(keys.workerChannel), .string(name),
                .string(schedule?.description ?? ""), schedule?.followsRuns == true ? "1" : "",
            ]
        ) { reply in
            switch reply.value.integer {
            case 0: .unknown
            case 1: .changed
            case 2: .overlapping
            case 3: .unchanged
            default: nil
            }
        }
    }
}
