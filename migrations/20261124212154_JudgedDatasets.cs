using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Moss.Migrations
{
    /// <inheritdoc />
    public partial class JudgedDatasets : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "summary",
                table: "dataset_versions",
                type: "jsonb",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "cluster",
                table: "dataset_examples",
                type: "character varying(32)",
                maxLength: 32,
                nullable: true);

            migrationBuilder.AddCheckConstraint(
                name: "ck_dataset_versions_recipe",
                table: "dataset_versions",
                sql: "recipe IN ('sft', 'quality', 'dpo', 'kto', 'reward')");

            migrationBuilder.CreateIndex(
                name: "ix_dataset_examples_content_sha256",
                table: "dataset_examples",
                column: "content_sha256",
                filter: "split = 'Eval'");

            migrationBuilder.Sql(Promises.Text("JudgedDatasets.sql"));
        }
    }
}
