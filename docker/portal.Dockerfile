# The portal: no libtorch, no GPU.
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
WORKDIR /source
COPY Directory.Build.props Directory.Packages.props global.json .editorconfig BannedSymbols.txt ./
COPY src/Moss.Data src/Moss.Data
COPY src/Moss.Annotate src/Moss.Annotate
COPY samples/scenarios samples/scenarios
RUN dotnet publish src/Moss.Annotate/Moss.Annotate.csproj -c Release -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble
WORKDIR /app
COPY --from=build /app .
USER $APP_UID
EXPOSE 5080
ENTRYPOINT ["dotnet", "Moss.Annotate.dll"]
