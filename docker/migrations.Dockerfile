# Brings the database up to date, then ends.
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
WORKDIR /source
COPY Directory.Build.props Directory.Packages.props global.json .editorconfig BannedSymbols.txt ./
COPY src/Moss.Data src/Moss.Data
COPY migrations migrations
RUN dotnet publish migrations/Moss.Migrations.csproj -c Release -o /app

# Identity's packages need the ASP.NET Core runtime.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble
WORKDIR /app
COPY --from=build /app .
USER $APP_UID
ENTRYPOINT ["dotnet", "Moss.Migrations.dll"]
