import Persistence
import Primitives

/// History tasks to add, and those that are done.
struct TaskRows {
    private var addedShards = SQLColumn.int4
    private var addedIDs = SQLColumn.int8
    private var tasks = SQLColumn.bytea
    private var deletedShards = SQLColumn.int4
    private var deletedIDs = SQLColumn.int8
    /// Whether a task is added and deleted: then the deletion must come behind, by itself.
    private var areAtOdds = false

    init(_ writes: [ShardWrite]) {
        for write in writes {
            for task in write.batch.addedTasks {
                self.addedShards.append(write.shard.rawValue)
                self.addedIDs.append(task.id)
                self.tasks.append(task.task)
            }
            for id in write.batch.deletedTasks {
                self.deletedShards.append(write.shard.rawValue)
                self.deletedIDs.append(id)
            }
            if !write.batch.addedTasks.isEmpty, !write.batch.deletedTasks.isEmpty {
                let deleted = Set(write.batch.deletedTasks)
                if write.batch.addedTasks.contains(where: { deleted.contains($0.id) }) {
                    self.areAtOdds = true
                }
            }
        }
    }

    var statements: [SQLStatement] {
        let added = [self.addedShards, self.addedIDs, self.tasks].map(\.parameter)
        let deleted = [self.deletedShards, self.deletedIDs].map(\.parameter)
        switch (self.addedShards.count > 0, self.deletedShards.count > 0) {
        case (false, false): return []
        case (true, false): return [SQLStatement(Self.adding, added)]
        case (false, true): return [SQLStatement(Self.deleting, deleted)]
        case (true, true):
            if self.areAtOdds {
                return [SQLStatement(Self.adding, added), SQLStatement(Self.deleting, deleted)]
            }
            return [SQLStatement(Self.addingAndDeleting, added + deleted)]
        }
    }

    private static let added = """
        added AS (
            INSERT INTO history_tasks (shard_id, task_id, task)
            SELECT * FROM unnest($1, $2, $3)
            ON CONFLICT DO NOTHING RETURNING shard_id, task_id
        )
        """

    private static let check = """
        SELECT temporal_refuse('\(SQLRefusal.Condition.taskExists.rawValue)', (
            SELECT min(ord) FROM unnest($1, $2) WITH ORDINALITY AS task (shard_id, task_id, ord)
            WHERE NOT EXISTS (
                SELECT FROM added
                WHERE added.shard_id = task.shard_id AND added.task_id = task.task_id)))
        WHERE (SELECT count(*) FROM added) < cardinality($1)
        """

    private static func deletion(_ shards: String, _ ids: String) -> String {
        """
        DELETE FROM history_tasks AS stored USING unnest(\(shards), \(ids))
            AS done (shard_id, task_id)
        WHERE stored.shard_id = done.shard_id AND stored.task_id = done.task_id
        """
    }

    private static let adding = "WITH \(Self.added)\n\(Self.check)"
    private static let deleting = Self.deletion("$1", "$2")
    private static let addingAndDeleting =
        "WITH \(Self.added), deleted AS (\(Self.deletion("$4", "$5")))\n\(Self.check)"
}
