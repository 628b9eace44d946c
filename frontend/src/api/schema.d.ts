// Made by `npm run gen:api` from /api/openapi.json. Do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description RFC 9457 problem details. `code` is stable; `errors` lists every problem of a 422. */
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            code: string;
            request_id?: string;
            errors?: {
                path: string;
                code: string;
                message: string;
            }[];
        };
        /**
         * AnalyticsTable
         * @description One row for each group.
         */
        AnalyticsTable: {
            /** Items */
            items: {
                [key: string]: unknown;
            }[];
        };
        /**
         * AnalyticsSummary
         * @description Figures of a span (widened to whole buckets) and of the span of the same length before it.
         */
        AnalyticsSummary: {
            /** Executions */
            executions: {
                [key: string]: unknown;
            };
            /** Previous */
            previous: {
                [key: string]: unknown;
            };
            /** Nodes */
            nodes: {
                [key: string]: unknown;
            };
            /** Queue */
            queue: {
                [key: string]: unknown;
            };
            /** Schedules */
            schedules: {
                [key: string]: unknown;
            };
            /** Turned Away */
            turned_away: {
                [key: string]: unknown;
            };
            /** Kafka */
            kafka: {
                [key: string]: unknown;
            } | null;
            /** Freshness */
            freshness: {
                [key: string]: unknown;
            };
        };
        /**
         * AnalyticsSeries
         * @description One point for every step.
         */
        AnalyticsSeries: {
            /** Bucket Seconds */
            bucket_seconds: number;
            /** Items */
            items: {
                [key: string]: unknown;
            }[];
        };
        /**
         * ApiKey
         * @description A key, without its secret.
         */
        ApiKey: {
            /** Id */
            id: string;
            /** Name */
            name: string;
            /** Role */
            role: string;
            /** Created At */
            created_at: string;
            /** Last Used At */
            last_used_at: string | null;
            /** Revoked At */
            revoked_at: string | null;
        };
        /**
         * ApiKeyCreated
         * @description A new key; `key` is never shown again.
         */
        ApiKeyCreated: {
            /** Id */
            id: string;
            /** Name */
            name: string;
            /** Role */
            role: string;
            /** Created At */
            created_at: string;
            /** Last Used At */
            last_used_at: string | null;
            /** Revoked At */
            revoked_at: string | null;
            /** Key */
            key: string;
        };
        /**
         * ApiKeyCreate
         * @description A key to make.
         */
        ApiKeyCreate: {
            /** Name */
            name: string;
            /**
             * Role
             * @default operator
             * @enum {string}
             */
            role?: "viewer" | "operator" | "editor" | "admin";
        };
        /**
         * Answered
         * @description The answer was taken; the execution goes on.
         */
        Answered: {
            /** Execution Id */
            execution_id: string;
        };
        /**
         * Decision
         * @description A decision, and who made it and why.
         */
        Decision: {
            /**
             * Decision
             * @enum {string}
             */
            decision: "approved" | "rejected";
            /**
             * Comment
             * @default null
             */
            comment?: string | null;
            /**
             * By
             * @default null
             */
            by?: string | null;
        };
        /**
         * Actor
         * @description Who did it.
         */
        Actor: {
            /** Id */
            id: string;
            /** Name */
            name: string;
        };
        /**
         * AuditEntry
         * @description One change. `fields` are the fields of the request, without what was in them; `hash` is over this entry and the one before.
         */
        AuditEntry: {
            /** Seq */
            seq: number;
            /** At */
            at: string;
            actor: components["schemas"]["Actor"];
            /** Action */
            action: string;
            /** Resource */
            resource: string;
            /** Fields */
            fields: string[];
            /** Request Id */
            request_id: string;
            /** Address */
            address: string;
            /** Hash */
            hash: string;
        };
        /**
         * AuditCheck
         * @description Whether the log is what was written. `broken_at` is the first entry that was changed, taken out or cut off.
         */
        AuditCheck: {
            /** Entries */
            entries: number;
            /** Hash */
            hash: string | null;
            /** Intact */
            intact: boolean;
            /** Broken At */
            broken_at: number | null;
        };
        /**
         * ReceiptsTaken
         * @description How many messages the receipt told something new of.
         */
        ReceiptsTaken: {
            /** Moved */
            moved: number;
        };
        /**
         * Credential
         * @description A credential: `data` without its secrets, `secrets` says which of those are set.
         */
        Credential: {
            /** Id */
            id: string;
            /** Slug */
            slug: string;
            /** Name */
            name: string;
            /** Type */
            type: string;
            /** Kind */
            kind: string;
            /** Hosts */
            hosts: string[];
            /** Workflows */
            workflows: string[] | null;
            /** Rate Limit */
            rate_limit: {
                [key: string]: number;
            } | null;
            /** Data */
            data: {
                [key: string]: unknown;
            };
            /** Secrets */
            secrets: {
                [key: string]: boolean;
            };
            /** Connected */
            connected: boolean | null;
            /** Problem */
            problem: string | null;
            /** Revision */
            revision: number;
            /** Last Used At */
            last_used_at: string | null;
            /** Last Used By */
            last_used_by: {
                [key: string]: string;
            } | null;
            /** Last Test */
            last_test: {
                [key: string]: unknown;
            } | null;
            /** Created At */
            created_at: string;
            /** Updated At */
            updated_at: string;
        };
        /**
         * RateLimit
         * @description At most `limit` attempts begin in any `per_seconds`, over all executions of the workflow; the others wait for their turn.
         */
        RateLimit: {
            /** Limit */
            limit: number;
            /** Per Seconds */
            per_seconds: number;
        };
        /**
         * CredentialCreate
         * @description A new credential. Without `hosts` it may be sent wherever its type says, else everywhere: bind it where you can.
         */
        CredentialCreate: {
            /** Name */
            name: string;
            /** Type */
            type: string;
            /**
             * Data
             * @description The fields of the type, see GET /credentials/types. Secret ones are never shown again.
             */
            data: {
                [key: string]: unknown;
            };
            /**
             * Slug
             * @default null
             */
            slug?: string | null;
            /**
             * Hosts
             * @default null
             */
            hosts?: string[] | null;
            /**
             * Workflows
             * @description Ids or slugs of the workflows that may use it; null: all of the workspace.
             * @default null
             */
            workflows?: string[] | null;
            /**
             * @description At most so many attempts of nodes that name it begin in any `per_seconds`; the others wait for their turn. null: no limit.
             * @default null
             */
            rate_limit?: components["schemas"]["RateLimit"] | null;
        };
        /**
         * CredentialType
         * @description A type: the JSON Schema of its data draws its form; properties with `writeOnly` are secret.
         */
        CredentialType: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Description */
            description: string;
            /** Icon */
            icon: string;
            /** Kind */
            kind: string;
            /** Oauth */
            oauth: boolean;
            /** Testable */
            testable: boolean;
            /** Data Schema */
            data_schema: {
                [key: string]: unknown;
            };
            /** Secret Fields */
            secret_fields: string[];
            /** Example */
            example: {
                [key: string]: unknown;
            };
        };
        /**
         * CredentialDetail
         * @description A credential, and the workflows whose draft or live version names it.
         */
        CredentialDetail: {
            /** Id */
            id: string;
            /** Slug */
            slug: string;
            /** Name */
            name: string;
            /** Type */
            type: string;
            /** Kind */
            kind: string;
            /** Hosts */
            hosts: string[];
            /** Workflows */
            workflows: string[] | null;
            /** Rate Limit */
            rate_limit: {
                [key: string]: number;
            } | null;
            /** Data */
            data: {
                [key: string]: unknown;
            };
            /** Secrets */
            secrets: {
                [key: string]: boolean;
            };
            /** Connected */
            connected: boolean | null;
            /** Problem */
            problem: string | null;
            /** Revision */
            revision: number;
            /** Last Used At */
            last_used_at: string | null;
            /** Last Used By */
            last_used_by: {
                [key: string]: string;
            } | null;
            /** Last Test */
            last_test: {
                [key: string]: unknown;
            } | null;
            /** Created At */
            created_at: string;
            /** Updated At */
            updated_at: string;
            /** Used By */
            used_by: {
                [key: string]: string;
            }[];
        };
        /**
         * CredentialPatch
         * @description The fields to replace; of `data` too only those given, and null takes one away.
         */
        CredentialPatch: {
            /** Name */
            name?: string;
            /** Slug */
            slug?: string;
            /**
             * Data
             * @description The fields of the type, see GET /credentials/types. Secret ones are never shown again.
             */
            data?: {
                [key: string]: unknown;
            };
            /**
             * Hosts
             * @description Where it may be sent: api.example.com, *.example.com, with or without :port; * is everywhere.
             */
            hosts?: string[];
            /**
             * Workflows
             * @description Ids or slugs of the workflows that may use it; null: all of the workspace.
             */
            workflows?: string[] | null;
            /** @description At most so many attempts of nodes that name it begin in any `per_seconds`; the others wait for their turn. null: no limit. */
            rate_limit?: components["schemas"]["RateLimit"] | null;
        };
        /**
         * Authorization
         * @description Where to send the user's browser.
         */
        Authorization: {
            /** Authorization Url */
            authorization_url: string;
            /** Redirect Uri */
            redirect_uri: string;
        };
        /**
         * ReceiptsAddress
         * @description Where a provider leaves receipts for what is sent with a credential.
         */
        ReceiptsAddress: {
            /** Url */
            url: string;
            /** How */
            how: string;
        };
        /**
         * CredentialTested
         * @description `ok`, `failed`, or `untested` when there is nothing to try it on.
         */
        CredentialTested: {
            /**
             * Status
             * @enum {string}
             */
            status: "ok" | "failed" | "untested";
            /** Message */
            message: string;
            /** Code */
            code: string | null;
            /** Duration Ms */
            duration_ms: number;
        };
        /**
         * CredentialTry
         * @description What to test on.
         */
        CredentialTry: {
            /**
             * Url
             * @default null
             */
            url?: string | null;
        };
        /**
         * DeadLetter
         * @description A record that was kept, and why. In lists `record` is null where it is large.
         */
        DeadLetter: {
            /** Id */
            id: string;
            /** Trigger Id */
            trigger_id: string;
            /** Workflow Id */
            workflow_id: string;
            /** Topic */
            topic: string;
            /** Partition */
            partition: number;
            /** Offset */
            offset: number;
            /** Code */
            code: string;
            /** Reason */
            reason: string;
            /** Record */
            record: {
                [key: string]: unknown;
            } | null;
            /** Created At */
            created_at: string;
            /** Replayed At */
            replayed_at: string | null;
            /** Execution Id */
            execution_id: string | null;
        };
        /**
         * MessageDelivery
         * @description A message of a node run to one recipient. `accepted` with `handed_at`: the provider has taken it; `unknown`: it may have been sent. Addresses are shortened.
         */
        MessageDelivery: {
            /** Id */
            id: string;
            /** Workflow Id */
            workflow_id: string;
            /** Execution Id */
            execution_id: string;
            /** Node Id */
            node_id: string;
            /** Iteration */
            iteration: string;
            /** Attempt */
            attempt: number;
            /** Channel */
            channel: string;
            /** Recipient */
            recipient: string;
            /** Provider */
            provider: string;
            /** Credential Id */
            credential_id: string | null;
            /** Message Id */
            message_id: string | null;
            /**
             * Status
             * @enum {string}
             */
            status: "accepted" | "unknown" | "delivered" | "failed";
            /** Reason */
            reason: string;
            /** Detail */
            detail: string;
            /** Tried */
            tried: {
                [key: string]: unknown;
            }[];
            /** Accepted At */
            accepted_at: string;
            /** Handed At */
            handed_at: string | null;
            /** Unknown At */
            unknown_at: string | null;
            /** Settled At */
            settled_at: string | null;
        };
        /**
         * Taken
         * @description The event was kept, and so many waiting nodes were told.
         */
        Taken: {
            /** Id */
            id: string;
            /** Matched */
            matched: number;
        };
        /**
         * Event
         * @description Something that happened.
         */
        Event: {
            /** Seq */
            seq: number;
            /** At */
            at: string;
            /** Type */
            type: string;
            /** Status */
            status: string;
        };
        /**
         * ExecutionSummary
         * @description An execution in a list, without payloads.
         */
        ExecutionSummary: {
            /** Id */
            id: string;
            /** Workflow Id */
            workflow_id: string;
            /** Version */
            version: number | "draft";
            /**
             * Status
             * @enum {string}
             */
            status: "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";
            /** Trigger */
            trigger: {
                [key: string]: unknown;
            };
            /** Error */
            error: {
                [key: string]: unknown;
            } | null;
            /** Created At */
            created_at: string;
            /** Started At */
            started_at: string | null;
            /** Finished At */
            finished_at: string | null;
            /** Wake At */
            wake_at: string | null;
            /** Retry Of */
            retry_of: string | null;
            /** Parent Id */
            parent_id: string | null;
        };
        /**
         * BulkAnswer
         * @description `matched` can be cancelled, or retried; `done` were. `more`: there are over a thousand, so send it again.
         */
        BulkAnswer: {
            /** Action */
            action: string;
            /** Dry Run */
            dry_run: boolean;
            /** Matched */
            matched: number;
            /** Done */
            done: number;
            /** More */
            more: boolean;
        };
        /**
         * WantedExecutions
         * @description Which executions: those to which all of this applies.
         */
        WantedExecutions: {
            /**
             * Workflow Id
             * @default null
             */
            workflow_id?: string | null;
            /**
             * Version
             * @default null
             */
            version?: number | "draft" | null;
            /**
             * Label
             * @description of workflows with this label
             * @default null
             */
            label?: string | null;
            /**
             * Trigger Id
             * @default null
             */
            trigger_id?: string | null;
            /**
             * Status
             * @default null
             */
            status?: ("queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled") | null;
            /**
             * Due
             * @description true: waiting for a worker; false: waiting for a time or a signal
             * @default null
             */
            due?: boolean | null;
            /**
             * From
             * @description created at this time or later
             * @default null
             */
            from?: string | null;
            /**
             * To
             * @description created before this time
             * @default null
             */
            to?: string | null;
            /**
             * Finished From
             * @description ended at this time or later
             * @default null
             */
            finished_from?: string | null;
            /**
             * Finished To
             * @description ended before this time
             * @default null
             */
            finished_to?: string | null;
            /**
             * Error
             * @description the code of the error they ended with
             * @default null
             */
            error?: string | null;
            /**
             * Q
             * @description an id, or text in the input or the error
             * @default null
             */
            q?: string | null;
            /**
             * Parent Id
             * @description started by this execution
             * @default null
             */
            parent_id?: string | null;
            /**
             * Node Id
             * @description in which this node ran to an end; in a loop, for one item at least
             * @default null
             */
            node_id?: string | null;
            /**
             * Node Status
             * @description and ended so, by its last attempt
             * @default null
             */
            node_status?: ("succeeded" | "failed" | "cancelled") | null;
            /**
             * Node Error
             * @description and failed with this code
             * @default null
             */
            node_error?: string | null;
            /**
             * Node Retried
             * @description and needed more than one attempt (true), or only one (false)
             * @default null
             */
            node_retried?: boolean | null;
        };
        /**
         * BulkRequest
         * @description What to do with which executions.
         */
        BulkRequest: {
            /**
             * Action
             * @enum {string}
             */
            action: "cancel" | "retry";
            /** @description As in GET /executions. At least one field, so that not everything is meant by accident. */
            filter: components["schemas"]["WantedExecutions"];
            /**
             * Dry Run
             * @description Only count.
             * @default false
             */
            dry_run?: boolean;
        };
        /**
         * ExecutionCount
         * @description How many. `more`: there are over ten thousand, and these are the newest of them. `node_runs`: of the node the filter names, null when it names none.
         */
        ExecutionCount: {
            /** Executions */
            executions: number;
            /** Node Runs */
            node_runs: number | null;
            /** More */
            more: boolean;
        };
        /**
         * ConsoleLine
         * @description Something that a node's code printed; `level` is log, info, debug, warning or error.
         */
        ConsoleLine: {
            /** Level */
            level: string;
            /** Text */
            text: string;
        };
        /**
         * Move
         * @description That it went on with another version from then on.
         */
        Move: {
            /** At */
            at: string;
            /** From */
            from: number | "draft";
            /** To */
            to: number;
            /** By */
            by: string;
        };
        /**
         * NodeRun
         * @description One attempt of one node.
         */
        NodeRun: {
            /** Node Id */
            node_id: string;
            /** Type */
            type: string;
            /**
             * Status
             * @enum {string}
             */
            status: "queued" | "running" | "waiting" | "succeeded" | "failed" | "skipped" | "cancelled";
            /** Iteration */
            iteration: string | null;
            /** Attempt */
            attempt: number;
            /** Input */
            input: unknown;
            /** Output */
            output: unknown;
            /** Error */
            error: {
                [key: string]: unknown;
            } | null;
            /** Started At */
            started_at: string | null;
            /** Finished At */
            finished_at: string | null;
            /**
             * Console
             * @default null
             */
            console?: components["schemas"]["ConsoleLine"][] | null;
        };
        /**
         * Execution
         * @description An execution with everything that happened in it.
         */
        Execution: {
            /** Id */
            id: string;
            /** Workflow Id */
            workflow_id: string;
            /** Version */
            version: number | "draft";
            /**
             * Status
             * @enum {string}
             */
            status: "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";
            /** Trigger */
            trigger: {
                [key: string]: unknown;
            };
            /** Error */
            error: {
                [key: string]: unknown;
            } | null;
            /** Created At */
            created_at: string;
            /** Started At */
            started_at: string | null;
            /** Finished At */
            finished_at: string | null;
            /** Wake At */
            wake_at: string | null;
            /** Retry Of */
            retry_of: string | null;
            /** Parent Id */
            parent_id: string | null;
            /** Input */
            input: unknown;
            /** Output */
            output: unknown;
            /** Nodes */
            nodes: components["schemas"]["NodeRun"][];
            /** Moves */
            moves: components["schemas"]["Move"][];
            /** More Nodes */
            more_nodes: boolean;
        };
        /**
         * Accepted
         * @description The request was taken; what comes of it shows in the execution.
         */
        Accepted: {
            /** Id */
            id: string;
            /** Status */
            status: string;
        };
        /**
         * PinnedDefinition
         * @description What an execution runs: its version's, or the draft as it was when the execution started.
         */
        PinnedDefinition: {
            definition: {
                [key: string]: unknown;
            };
        };
        /**
         * Events
         * @description What happened after `after`, in order.
         */
        Events: {
            /** Items */
            items: components["schemas"]["Event"][];
            /** Next Cursor */
            next_cursor: string | null;
        };
        /**
         * Payloads
         * @description What went into one node run and what came out.
         */
        Payloads: {
            /** Input */
            input: unknown;
            /** Output */
            output: unknown;
        };
        /**
         * Started
         * @description An execution that was accepted.
         */
        Started: {
            /** Id */
            id: string;
            /** Status */
            status: string;
            /** Duplicate */
            duplicate: boolean;
            /** Ui Url */
            ui_url: string;
        };
        /**
         * Retry
         * @description Where to begin again, and with what.
         */
        Retry: {
            /**
             * From
             * @description The first node to run again; without it, those that failed or were cut off.
             * @default null
             */
            from?: string | null;
            /**
             * Version
             * @description Another version of the workflow; without it, the same definition.
             * @default null
             */
            version?: number | null;
            /**
             * Input
             * @description Another input; the effects then carry new idempotency keys.
             * @default null
             */
            input?: unknown;
            /**
             * New Keys
             * @description Whether nodes that run again carry new idempotency keys.
             * @default false
             */
            new_keys?: boolean;
        };
        /**
         * Check
         * @description One part of the installation.
         */
        Check: {
            /**
             * Status
             * @enum {string}
             */
            status: "ok" | "degraded" | "off" | "down";
            /** Detail */
            detail: string;
        };
        /**
         * Checks
         * @description Every part.
         */
        Checks: {
            database: components["schemas"]["Check"];
            cache: components["schemas"]["Check"];
            kafka: components["schemas"]["Check"];
            engine: components["schemas"]["Check"];
        };
        /**
         * Health
         * @description The whole: `degraded` when a part that should work does not.
         */
        Health: {
            /**
             * Status
             * @enum {string}
             */
            status: "ok" | "degraded";
            checks: components["schemas"]["Checks"];
        };
        /**
         * ProviderCredential
         * @description The credential called with.
         */
        ProviderCredential: {
            /** Id */
            id: string;
            /** Slug */
            slug: string;
            /** Name */
            name: string;
        };
        /**
         * Provider
         * @description One credential (null: calls without) and host. `open`: calls are held back until `opened_until`; `half_open`: the next call shows whether it is back.
         */
        Provider: {
            credential: components["schemas"]["ProviderCredential"] | null;
            /** Host */
            host: string;
            /**
             * State
             * @enum {string}
             */
            state: "closed" | "open" | "half_open";
            /** Failures */
            failures: number;
            /** Opened Until */
            opened_until: string | null;
            /** Calls */
            calls: number;
            /** Errors */
            errors: number;
            /** Average Ms */
            average_ms: number | null;
            /** Last Error */
            last_error: string | null;
            /** Last Error At */
            last_error_at: string | null;
            /** Last Success At */
            last_success_at: string | null;
        };
        /**
         * KeyShown
         * @description The key that was used.
         */
        KeyShown: {
            /** Id */
            id: string;
            /** Name */
            name: string;
        };
        /**
         * WorkspaceShown
         * @description Where it belongs.
         */
        WorkspaceShown: {
            /** Id */
            id: string;
            /** Slug */
            slug: string;
            /** Name */
            name: string;
        };
        /**
         * Me
         * @description Who is calling and what they may do.
         */
        Me: {
            /** Role */
            role: string;
            key: components["schemas"]["KeyShown"];
            workspace: components["schemas"]["WorkspaceShown"];
        };
        /**
         * Member
         * @description A person with a role. `joined`: they have been here.
         */
        Member: {
            /** Id */
            id: string;
            /** Email */
            email: string;
            /** Role */
            role: string;
            /** Joined */
            joined: boolean;
            /** Created At */
            created_at: string;
            /** Last Seen At */
            last_seen_at: string | null;
        };
        /**
         * MemberCreate
         * @description Whom to let in. The person is known by the address, until they come with a token in which the provider vouches for it.
         */
        MemberCreate: {
            /** Email */
            email: string;
            /**
             * Role
             * @default viewer
             * @enum {string}
             */
            role?: "viewer" | "operator" | "editor" | "admin";
        };
        /**
         * MemberPatch
         * @description Another role.
         */
        MemberPatch: {
            /**
             * Role
             * @enum {string}
             */
            role: "viewer" | "operator" | "editor" | "admin";
        };
        /**
         * RegistryEntry
         * @description A type of node or trigger.
         */
        RegistryEntry: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Description */
            description: string;
            /** Kind */
            kind: string;
            /** Icon */
            icon: string;
            /** Ports */
            ports: string[];
            /** Config Schema */
            config_schema: {
                [key: string]: unknown;
            };
            /** Output Schema */
            output_schema: {
                [key: string]: unknown;
            };
            /**
             * Effect
             * @enum {string}
             */
            effect: "pure" | "effect";
            /** Retry */
            retry: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * CustomEntry
         * @description A node type of the workspace's own, with the document it is made of.
         */
        CustomEntry: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Description */
            description: string;
            /** Kind */
            kind: string;
            /** Icon */
            icon: string;
            /** Ports */
            ports: string[];
            /** Config Schema */
            config_schema: {
                [key: string]: unknown;
            };
            /** Output Schema */
            output_schema: {
                [key: string]: unknown;
            };
            /**
             * Effect
             * @enum {string}
             */
            effect: "pure" | "effect";
            /** Retry */
            retry: {
                [key: string]: unknown;
            } | null;
            /**
             * Custom
             * @constant
             */
            custom: true;
            /** Version */
            version: number;
            /** Documentation */
            documentation: string;
            /** Document */
            document: {
                [key: string]: unknown;
            };
            /** Created At */
            created_at: string;
            /** Updated At */
            updated_at: string;
        };
        /**
         * FunctionSource
         * @description Code that defines main(input).
         */
        FunctionSource: {
            /**
             * Language
             * @enum {string}
             */
            language: "python" | "javascript";
            /** Source */
            source: string;
        };
        /**
         * ActionDocument
         * @description A workspace's own node type.
         */
        ActionDocument: {
            /**
             * Type
             * @description Such as weather.current: a name, a dot, a name.
             */
            type: string;
            /** Title */
            title: string;
            /**
             * Description
             * @default
             */
            description?: string;
            /**
             * Documentation
             * @description Markdown.
             * @default
             */
            documentation?: string;
            /**
             * Icon
             * @default
             */
            icon?: string;
            /**
             * Config Schema
             * @description JSON Schema of the node's config, an object; draws its form.
             */
            config_schema?: {
                [key: string]: unknown;
            };
            /** Output Schema */
            output_schema?: {
                [key: string]: unknown;
            };
            /**
             * Http
             * @description A config of http.request; expressions see the node's config as `input`.
             * @default null
             */
            http?: {
                [key: string]: unknown;
            } | null;
            /** @default null */
            function?: components["schemas"]["FunctionSource"] | null;
            /**
             * Output
             * @description What the node's output is made of: expressions see `input` and `response`.
             * @default null
             */
            output?: unknown;
            /**
             * Retry
             * @default null
             */
            retry?: {
                [key: string]: unknown;
            } | null;
            /** Example */
            example?: {
                [key: string]: unknown;
            };
        };
        /**
         * ImportedAction
         * @description What became of one operation.
         */
        ImportedAction: {
            /** Operation */
            operation: string;
            /** Type */
            type: string | null;
            /** Title */
            title: string | null;
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "created" | "updated" | "unchanged" | "new" | "skipped";
            /** Reason */
            reason: string | null;
        };
        /**
         * OpenApiImport
         * @description An OpenAPI 3 document to make actions of.
         */
        OpenApiImport: {
            /**
             * Document
             * @description The document: an object, or JSON or YAML text.
             */
            document: unknown;
            /**
             * Prefix
             * @description The first part of every type (default: from the title).
             * @default null
             */
            prefix?: string | null;
            /**
             * Server
             * @description The API's address, in place of the document's.
             * @default null
             */
            server?: string | null;
            /**
             * Credential
             * @description The credential that every action calls with; without, each node names its own.
             * @default null
             */
            credential?: string | null;
            /**
             * Operations
             * @description Only these: `GET /pets/{id}` or a type.
             * @default null
             */
            operations?: string[] | null;
            /**
             * Dry Run
             * @default false
             */
            dry_run?: boolean;
        };
        /**
         * ActionPatch
         * @description The fields to replace; null takes one away. The type itself cannot change.
         */
        ActionPatch: {
            /** Title */
            title?: string;
            /**
             * Description
             * @default null
             */
            description?: string | null;
            /**
             * Documentation
             * @default null
             */
            documentation?: string | null;
            /**
             * Icon
             * @default null
             */
            icon?: string | null;
            /**
             * Config Schema
             * @default null
             */
            config_schema?: {
                [key: string]: unknown;
            } | null;
            /**
             * Output Schema
             * @default null
             */
            output_schema?: {
                [key: string]: unknown;
            } | null;
            /**
             * Http
             * @default null
             */
            http?: {
                [key: string]: unknown;
            } | null;
            /**
             * Function
             * @default null
             */
            function?: {
                [key: string]: unknown;
            } | null;
            /**
             * Output
             * @default null
             */
            output?: unknown;
            /**
             * Retry
             * @default null
             */
            retry?: {
                [key: string]: unknown;
            } | null;
            /**
             * Example
             * @default null
             */
            example?: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * ActionTested
         * @description What came of it: `succeeded`, `failed`, or `waiting` for a node that would wait now.
         */
        ActionTested: {
            /** Status */
            status: string;
            /** Output */
            output: unknown;
            /** Error */
            error: {
                [key: string]: unknown;
            } | null;
            /** Duration Ms */
            duration_ms: number;
        };
        /**
         * TestContext
         * @description What the action's expressions see.
         */
        TestContext: {
            /** Input */
            input?: unknown;
            /** Trigger */
            trigger?: {
                [key: string]: unknown;
            };
            /**
             * Nodes
             * @description By id: {output?, error?}, as if these nodes had run.
             */
            nodes?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            /** Execution */
            execution?: {
                [key: string]: unknown;
            };
            /**
             * Item
             * @default null
             */
            item?: unknown;
            /**
             * Index
             * @default null
             */
            index?: number | null;
        };
        /**
         * ActionTest
         * @description A node's config, with expressions, and the data they read.
         */
        ActionTest: {
            /** Config */
            config?: {
                [key: string]: unknown;
            };
            context?: components["schemas"]["TestContext"];
        };
        /**
         * ActionVersion
         * @description A version of an action; it never changes.
         */
        ActionVersion: {
            /** Version */
            version: number;
            /** Created At */
            created_at: string;
            /** Document */
            document: {
                [key: string]: unknown;
            };
        };
        /**
         * FunctionExample
         * @description An expression and its value.
         */
        FunctionExample: {
            /** Expression */
            expression: string;
            /** Value */
            value: unknown;
        };
        /**
         * ExpressionFunction
         * @description A function of expressions. `signatures` are `parameters -> result`; a method's first parameter is what it is called on.
         */
        ExpressionFunction: {
            /** Name */
            name: string;
            /** Category */
            category: string;
            /** Summary */
            summary: string;
            /** Method */
            method: boolean;
            /** Signatures */
            signatures: string[];
            /** Examples */
            examples: components["schemas"]["FunctionExample"][];
        };
        /**
         * Preset
         * @description What a trigger begins with: its config without secrets, what the user must add (`needs`), and what to do at the sender's side (`steps`).
         */
        Preset: {
            /** Id */
            id: string;
            /** Name */
            name: string;
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Description */
            description: string;
            /** Config */
            config: {
                [key: string]: unknown;
            };
            /** Input */
            input: unknown;
            /** Needs */
            needs: string[];
            /** Steps */
            steps: string[];
            /** Example */
            example: unknown;
            /** Built In */
            built_in: boolean;
        };
        /**
         * TriggerTypeEntry
         * @description A type of trigger.
         */
        TriggerTypeEntry: {
            /** Type */
            type: string;
            /** Title */
            title: string;
            /** Description */
            description: string;
            /** Kind */
            kind: string;
            /** Icon */
            icon: string;
            /** Ports */
            ports: string[];
            /** Config Schema */
            config_schema: {
                [key: string]: unknown;
            };
            /** Output Schema */
            output_schema: {
                [key: string]: unknown;
            };
            /**
             * Effect
             * @enum {string}
             */
            effect: "pure" | "effect";
            /** Retry */
            retry: {
                [key: string]: unknown;
            } | null;
            /** Presets */
            presets: components["schemas"]["Preset"][];
        };
        /**
         * PresetCreate
         * @description A preset of the workspace's own. `config` may leave out what the user of the preset must add; it may hold no secret.
         */
        PresetCreate: {
            /** Name */
            name: string;
            /** Type */
            type: string;
            /** Title */
            title: string;
            /**
             * Description
             * @default
             */
            description?: string;
            /** Config */
            config?: {
                [key: string]: unknown;
            };
            /**
             * Input
             * @default null
             */
            input?: unknown;
        };
        /**
         * PresetPatch
         * @description The fields to replace.
         */
        PresetPatch: {
            /** Title */
            title?: string;
            /**
             * Description
             * @default
             */
            description?: string;
            /** Config */
            config?: {
                [key: string]: unknown;
            };
            /**
             * Input
             * @default null
             */
            input?: unknown;
        };
        /**
         * Delivered
         * @description A delivery that was accepted: the execution runs, or ran already when it is a duplicate.
         */
        Delivered: {
            /** Execution Id */
            execution_id: string;
            /** Status */
            status: string;
            /** Duplicate */
            duplicate: boolean;
            /** Ui Url */
            ui_url: string;
            /**
             * Debounced
             * @default false
             */
            debounced?: boolean;
        };
        /**
         * Trigger
         * @description A trigger, without its secrets.
         */
        Trigger: {
            /** Id */
            id: string;
            /** Workflow Id */
            workflow_id: string;
            /**
             * Type
             * @enum {string}
             */
            type: "api" | "schedule" | "kafka" | "workflow";
            /** Config */
            config: {
                [key: string]: unknown;
            };
            /** Input */
            input: unknown;
            /** Enabled */
            enabled: boolean;
            /** Url */
            url: string | null;
            /**
             * State
             * @enum {string}
             */
            state: "active" | "inactive" | "unhealthy";
            /** Reason */
            reason: string | null;
            /** Notices */
            notices: string[];
            /** Last Fired At */
            last_fired_at: string | null;
            /** Next Fire At */
            next_fire_at: string | null;
            /** Created At */
            created_at: string;
            /** Updated At */
            updated_at: string;
        };
        /**
         * TriggerCreate
         * @description A new trigger; `config` depends on the type, see /registry/triggers.
         */
        TriggerCreate: {
            /** Workflow Id */
            workflow_id: string;
            /** Type */
            type: string;
            /** Config */
            config?: {
                [key: string]: unknown;
            };
            /**
             * Enabled
             * @default true
             */
            enabled?: boolean;
            /**
             * Input
             * @description A mapping (JSON with expressions over `input` and `trigger`) that replaces the input.
             * @default null
             */
            input?: unknown;
            /**
             * Preset
             * @description Name or id of a preset to begin with; what is given here goes before it.
             * @default null
             */
            preset?: string | null;
        };
        /**
         * TriggerPatch
         * @description The fields to replace. A config that names no path or secret keeps those it had; `input: null` removes the mapping.
         */
        TriggerPatch: {
            /** Config */
            config?: {
                [key: string]: unknown;
            };
            /**
             * Enabled
             * @default true
             */
            enabled?: boolean;
            /**
             * Input
             * @default null
             */
            input?: unknown;
        };
        /**
         * TriggerDelivery
         * @description What came in and what became of it. `request` is there when one delivery is read, unless nothing was kept.
         */
        TriggerDelivery: {
            /** Id */
            id: string;
            /** Received At */
            received_at: string;
            /** Method */
            method: string;
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "started" | "duplicate" | "debounced" | "refused";
            /** Status */
            status: number;
            /** Code */
            code: string | null;
            /** Detail */
            detail: string | null;
            /** Execution Id */
            execution_id: string | null;
            /** Replay Of */
            replay_of: string | null;
            /** Body Bytes */
            body_bytes: number;
            /** Times */
            times: number;
            /** Replayable */
            replayable: boolean;
        };
        /**
         * Replayed
         * @description The execution that a replay started.
         */
        Replayed: {
            /** Execution Id */
            execution_id: string;
            /** Status */
            status: string;
            /** Duplicate */
            duplicate: boolean;
            /** Ui Url */
            ui_url: string;
        };
        /**
         * HealthChange
         * @description When a trigger became unhealthy, and why, or was well again.
         */
        HealthChange: {
            /** At */
            at: string;
            /**
             * State
             * @enum {string}
             */
            state: "unhealthy" | "healthy";
            /** Reason */
            reason: string | null;
        };
        /**
         * Occurrence
         * @description A planned instant and its fate.
         */
        Occurrence: {
            /** Planned At */
            planned_at: string;
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "fired" | "late" | "skipped" | "pending";
            /** Reason */
            reason: string | null;
            /** Execution Id */
            execution_id: string | null;
        };
        /**
         * Occurrences
         * @description The ledger of a schedule, newest first, and what it plans next.
         */
        Occurrences: {
            /** Items */
            items: components["schemas"]["Occurrence"][];
            /** Next Cursor */
            next_cursor: string | null;
            /** Upcoming */
            upcoming: string[];
        };
        /**
         * TriggerTest
         * @description A test URL and what it caught: {trigger, body, input}. `url` is there only when it was made.
         */
        TriggerTest: {
            /** Id */
            id: string;
            /**
             * State
             * @enum {string}
             */
            state: "listening" | "captured" | "expired";
            /** Run */
            run: boolean;
            /** Created At */
            created_at: string;
            /** Expires At */
            expires_at: string;
            /** Captured At */
            captured_at: string | null;
            /** Captured */
            captured: {
                [key: string]: unknown;
            } | null;
            /** Problem */
            problem: string | null;
            /** Execution Id */
            execution_id: string | null;
        };
        /**
         * TestWish
         * @description Whether the request that is caught also runs the draft.
         */
        TestWish: {
            /**
             * Run
             * @default true
             */
            run?: boolean;
        };
        /**
         * WorkflowSummary
         * @description A workflow in a list, without its draft.
         */
        WorkflowSummary: {
            /** Id */
            id: string;
            /** Slug */
            slug: string;
            /** Name */
            name: string;
            /** Description */
            description: string;
            /** Labels */
            labels: string[];
            /** Enabled */
            enabled: boolean;
            /** Revision */
            revision: number;
            /** Live Version */
            live_version: number | null;
            /** Created At */
            created_at: string;
            /** Updated At */
            updated_at: string;
        };
        /**
         * Issue
         * @description A problem of a definition; errors stop publishing, warnings do not.
         */
        Issue: {
            /** Path */
            path: string;
            /** Code */
            code: string;
            /** Message */
            message: string;
            /**
             * Severity
             * @enum {string}
             */
            severity: "error" | "warning";
        };
        /**
         * Workflow
         * @description A workflow with its draft.
         */
        Workflow: {
            /** Id */
            id: string;
            /** Slug */
            slug: string;
            /** Name */
            name: string;
            /** Description */
            description: string;
            /** Labels */
            labels: string[];
            /** Enabled */
            enabled: boolean;
            definition: {
                [key: string]: unknown;
            };
            /** Revision */
            revision: number;
            /** Live Version */
            live_version: number | null;
            /** Issues */
            issues: components["schemas"]["Issue"][];
            /** Created At */
            created_at: string;
            /** Updated At */
            updated_at: string;
        };
        /**
         * WorkflowCreate
         * @description A new workflow.
         */
        WorkflowCreate: {
            /** Slug */
            slug?: string;
            /** Description */
            description?: string;
            /** Labels */
            labels?: string[];
            /** Enabled */
            enabled?: boolean;
            /** Name */
            name: string;
            definition: {
                [key: string]: unknown;
            };
        };
        /**
         * Imported
         * @description The new draft, and its triggers, which are disabled.
         */
        Imported: {
            /** Id */
            id: string;
            /** Slug */
            slug: string;
            /** Name */
            name: string;
            /** Description */
            description: string;
            /** Labels */
            labels: string[];
            /** Enabled */
            enabled: boolean;
            definition: {
                [key: string]: unknown;
            };
            /** Revision */
            revision: number;
            /** Live Version */
            live_version: number | null;
            /** Issues */
            issues: components["schemas"]["Issue"][];
            /** Created At */
            created_at: string;
            /** Updated At */
            updated_at: string;
            /** Triggers */
            triggers: {
                [key: string]: unknown;
            }[];
            /** Warnings */
            warnings: string[];
        };
        /**
         * PortableTrigger
         * @description A trigger within an exported workflow.
         */
        PortableTrigger: {
            /** Type */
            type: string;
            /** Config */
            config: {
                [key: string]: unknown;
            };
            /**
             * Input
             * @default null
             */
            input?: unknown;
            /**
             * Enabled
             * @default false
             */
            enabled?: boolean;
        };
        /**
         * WorkflowImport
         * @description A document made by export.
         */
        WorkflowImport: {
            /**
             * Format
             * @constant
             */
            format: "millrace-export/1";
            /** Name */
            name: string;
            /**
             * Slug
             * @default null
             */
            slug?: string | null;
            /**
             * Description
             * @default
             */
            description?: string;
            /** Labels */
            labels?: string[];
            definition: {
                [key: string]: unknown;
            };
            /** Triggers */
            triggers?: components["schemas"]["PortableTrigger"][];
        };
        /**
         * Validation
         * @description What the validator found.
         */
        Validation: {
            /** Valid */
            valid: boolean;
            /** Issues */
            issues: components["schemas"]["Issue"][];
        };
        /**
         * DefinitionBody
         * @description A definition to look at.
         */
        DefinitionBody: {
            definition: {
                [key: string]: unknown;
            };
        };
        /**
         * WorkflowPatch
         * @description The fields to replace.
         */
        WorkflowPatch: {
            /** Slug */
            slug?: string;
            /** Description */
            description?: string;
            /** Labels */
            labels?: string[];
            /** Enabled */
            enabled?: boolean;
            /** Name */
            name?: string;
            definition?: {
                [key: string]: unknown;
            };
        };
        /**
         * ExecutionStart
         * @description What to run.
         */
        ExecutionStart: {
            /**
             * Input
             * @description The execution's input, checked against the workflow's input_schema.
             */
            input?: unknown;
            /**
             * Version
             * @description A version's number, or `draft`; without it the live version.
             * @default null
             */
            version?: number | "draft" | null;
            /**
             * Until
             * @description With the draft: run this node and what leads to it, nothing else. Nodes with an output pinned in the draft have that output and do not run.
             * @default null
             */
            until?: string | null;
            /**
             * Idempotency Key
             * @default null
             */
            idempotency_key?: string | null;
        };
        /**
         * Export
         * @description A workflow as one document, without secrets.
         */
        Export: {
            /** Format */
            format: string;
            /** Name */
            name: string;
            /** Slug */
            slug: string;
            definition: {
                [key: string]: unknown;
            };
            /** Triggers */
            triggers: {
                [key: string]: unknown;
            }[];
        };
        /**
         * VersionSummary
         * @description A published version in a list.
         */
        VersionSummary: {
            /** Workflow Id */
            workflow_id: string;
            /** Version */
            version: number;
            /** Live */
            live: boolean;
            /** Created At */
            created_at: string;
        };
        /**
         * Version
         * @description A published version.
         */
        Version: {
            /** Workflow Id */
            workflow_id: string;
            /** Version */
            version: number;
            /** Live */
            live: boolean;
            /** Created At */
            created_at: string;
            definition: {
                [key: string]: unknown;
            };
        };
        /**
         * Diff
         * @description What differs between two versions.
         */
        Diff: {
            /** Identical */
            identical: boolean;
            /** Nodes */
            nodes: {
                [key: string]: unknown[];
            };
            /** Edges */
            edges: {
                [key: string]: unknown[];
            };
            /** Settings */
            settings: unknown[];
        };
        /**
         * MoveOutcome
         * @description One execution. `movable` (in a dry run) or `moved`; else `blocked`, with the reasons, or `held`: a worker has it at this moment.
         */
        MoveOutcome: {
            /** Execution Id */
            execution_id: string;
            /** From Version */
            from_version: number | "draft";
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "movable" | "moved" | "blocked" | "held";
            /** Reasons */
            reasons: components["schemas"]["Reason"][];
        };
        /**
         * Reason
         * @description Why an execution cannot move.
         */
        Reason: {
            /** Code */
            code: string;
            /** Message */
            message: string;
            /** Node Id */
            node_id: string | null;
        };
        /**
         * MoveAnswer
         * @description What became of this page of executions, by id.
         */
        MoveAnswer: {
            /** Version */
            version: number;
            /** Dry Run */
            dry_run: boolean;
            /** Counts */
            counts: {
                [key: string]: number;
            };
            /** Items */
            items: components["schemas"]["MoveOutcome"][];
            /** Next Cursor */
            next_cursor: string | null;
        };
        /**
         * MoveWanted
         * @description Which executions; left out, all of the workflow that have not ended.
         */
        MoveWanted: {
            /**
             * Execution Ids
             * @default null
             */
            execution_ids?: string[] | null;
            /**
             * Version
             * @description Only those that run this version.
             * @default null
             */
            version?: number | null;
            /**
             * Node Id
             * @description Only those that wait at this node.
             * @default null
             */
            node_id?: string | null;
            /**
             * From
             * @default null
             */
            from?: string | null;
            /**
             * To
             * @default null
             */
            to?: string | null;
        };
        /**
         * MoveRequest
         * @description What to move.
         */
        MoveRequest: {
            /** @default null */
            filter?: components["schemas"]["MoveWanted"] | null;
            /**
             * Dry Run
             * @description Only say what would happen.
             * @default false
             */
            dry_run?: boolean;
            /**
             * Limit
             * @default 200
             */
            limit?: number;
            /**
             * Cursor
             * @description `next_cursor` of the answer before.
             * @default null
             */
            cursor?: string | null;
        };
        /**
         * Workspace
         * @description A workspace.
         */
        Workspace: {
            /** Id */
            id: string;
            /** Slug */
            slug: string;
            /** Name */
            name: string;
            /** Created At */
            created_at: string;
        };
        /**
         * WorkspaceCreate
         * @description A new workspace.
         */
        WorkspaceCreate: {
            /** Name */
            name: string;
            /** Slug */
            slug: string;
        };
        /**
         * WorkspacePatch
         * @description The fields to replace.
         */
        WorkspacePatch: {
            /** Name */
            name?: string;
            /** Slug */
            slug?: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
