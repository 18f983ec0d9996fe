using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Moss.Migrations
{
    /// <inheritdoc />
    public partial class TrainingPlans : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "training_plans",
                columns: table => new
                {
                    id = table.Column<Guid>(type: "uuid", nullable: false),
                    project_id = table.Column<Guid>(type: "uuid", nullable: false),
                    recipe = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false),
                    settings = table.Column<string>(type: "jsonb", nullable: false),
                    dataset_version_id = table.Column<Guid>(type: "uuid", nullable: false),
                    base_checkpoint_id = table.Column<Guid>(type: "uuid", nullable: false),
                    example_ordinal = table.Column<int>(type: "integer", nullable: true),
                    requested_by = table.Column<Guid>(type: "uuid", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    result = table.Column<string>(type: "jsonb", nullable: true),
                    error = table.Column<string>(type: "text", nullable: true),
                    computed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_training_plans", x => x.id);
                    table.CheckConstraint("ck_training_plans_answer", "(computed_at IS NULL) = (result IS NULL AND error IS NULL) AND (result IS NULL OR error IS NULL)");
                    table.CheckConstraint("ck_training_plans_ordinal", "example_ordinal >= 0");
                    table.ForeignKey(
                        name: "fk_training_plans_checkpoints_base_checkpoint_id",
                        column: x => x.base_checkpoint_id,
                        principalTable: "checkpoints",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_training_plans_dataset_versions_dataset_version_id",
                        column: x => x.dataset_version_id,
                        principalTable: "dataset_versions",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_training_plans_projects_project_id",
                        column: x => x.project_id,
                        principalTable: "projects",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_training_plans_base_checkpoint_id",
                table: "training_plans",
                column: "base_checkpoint_id");

            migrationBuilder.CreateIndex(
                name: "ix_training_plans_dataset_version_id",
                table: "training_plans",
                column: "dataset_version_id");

            migrationBuilder.CreateIndex(
                name: "ix_training_plans_open",
                table: "training_plans",
                column: "created_at",
                filter: "computed_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_training_plans_project_id",
                table: "training_plans",
                column: "project_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "training_plans");
        }
    }
}
