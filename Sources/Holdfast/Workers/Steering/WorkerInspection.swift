import RedisLink

extension Holdfast {
    /// All periodic workers that have ever run in the namespace, by name; one whose key has another type is
    /// only logged.
    ///
    /// Walks the keys of the database with `SCAN`, and looks at each worker: for operators.
    public func workers() async throws -> [WorkerStatus] {
        let names = try await core.inspecting("listing the workers") { () async throws(RedisError) in
            try await core.names(withPart: WorkerKeys.part).compactMap { WorkerKeys.worker(ofLockName: $0) }
        }
        return try await core.each(names) { [core] (name: String) async throws -> WorkerStatus? in
            do {
                return try await core.inspecting("looking at the worker \(name)") {
                    () async throws(RedisError) in
                    try await core.status(ofWorker: name)
                }
            } catch let error as HoldfastError where error.isOfWrongType {
                // A key of another type where the worker should be: the other workers can be listed all the
                // same.
                core.observers.tell(LeftOut(words: "\(error)"))
                return nil
            }
        }.compactMap(\.self)
    }
}

extension Core {
    func runs(ofWorker name: String, _ keys: WorkerKeys, limit: Int) async throws(RedisError)
        -> [WorkerRun]
    {
        let entries = try await link.send([
            "XREVRANGE", .string(keys.history), "+", "-", "COUNT", .init(limit),
        ]).value.array
        return (entries ?? []).compactMap { WorkerRun(worker: name, entry: $0) }
    }

    func status(ofWorker name: String) async throws(RedisError) -> WorkerStatus? {
        guard let keys = try? WorkerKeys(name, concurrency: 16, in: keys) else { return nil }
        let texts = try await link.send(["HGETALL", .string(keys.worker)]).value.array ?? []
        guard !texts.isEmpty else { return nil }
        var fields: [String: String] = [:]
        for index in stride(from: 1, to: texts.count, by: 2) {
            fields[texts[index - 1].string ?? ""] = texts[index].string
        }
        var holders: [Int: String] = [:]
        for slot in 1...16 where fields["run:\(slot)"] != nil {
            holders[slot] = try await link.send(["GET", .string(keys.locks[slot - 1])]).value.string
        }
        let last = try await runs(ofWorker: name, keys, limit: 1).first
        let time = try await link.send(["TIME"]).value.array?.first?.integer ?? 0
        return WorkerStatus(
            name: name, fields: fields, serverTime: min(max(time, 0), 1 << 43) * 1000,
            isHeld: { holders[$0] == $1 }, lastRun: last)
    }
}
